"""Who made a result: software, model, weights, settings, input, and what the run took.

Nothing here can identify a patient: no names, no identifiers, no file paths. The input is known by
its hash alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from . import __version__

__all__ = ["MEASURED", "Provenance", "creation_time", "to_plain"]

MEASURED = ("created", "stage_seconds", "peak_host_bytes", "peak_device_bytes", "threads")
"""Fields in which two equal runs may differ, and which so stay out of files that must not."""


def creation_time() -> str:
    """Tell the time for a record, reproducibly where that is asked for.

    Returns:
        ISO 8601 in UTC to the second; from the variable SOURCE_DATE_EPOCH where it is set.

    Source:
        reproducible-builds.org, specification of SOURCE_DATE_EPOCH.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    try:
        moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError):
        moment = datetime.now(UTC)  # a malformed variable of some build system is no reason to stop
    return moment.replace(microsecond=0).isoformat()


def to_plain(value: Any) -> Any:
    """Turn a value into what JSON can hold.

    Args:
        value: Mappings, sequences and sets of numbers, strings, booleans and None; numpy too.

    Returns:
        The same as dict, list, int, float, str, bool and None; NaN and infinities become None.

    Raises:
        TypeError: If something else is in it.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(to_plain(item) for item in value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Sequence):
        return [to_plain(item) for item in value]
    msg = f"{type(value).__name__} has no place in a record."
    raise TypeError(msg)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The record that travels inside every output.

    Args:
        model_id: The model card's id.
        model_version: The card's version.
        weights_sha256: Hash of the weights that ran, hex.
        device: What the network ran on, in words.
        backend: Which runtime ran it.
        precision: Such as "fp32".
        thresholds: Least probability of a tumor's voxel or, with an outline, of a tumor, by organ;
            None where arg-max decides.
        outline: Probability from which voxels belong to a tumor that is then judged whole; None
            where thresholds decide each voxel.
        mirror: Whether predictions were averaged over mirrored windows.
        organs: Keys of the organs asked for.
        input_kind: "nifti", "dicom", ...
        input_sha256: Hash of the input's bytes, hex.
        grid_shape: Voxels of the scan along (i, j, k).
        spacing_mm: Distances of its voxels, mm.
        rungs: Steps of the memory ladder that were taken, one sentence each.
        notes: What the reader and the engine want the user to know, one sentence each.
        stage_seconds: Seconds by stage, in order.
        windows_run: Windows that the network saw.
        windows_skipped: Windows left out because they hold air alone.
        peak_host_bytes: Most host memory in use during the run; None if unknown.
        peak_device_bytes: Most device memory in use during the run; None if unknown.
        threads: Of the CPU that the network ran in; None if unknown. The last digits of
            probabilities hang on them.
        disagreement: Between whom the maps of disagreement tell, by organ key.
        parts: Of a recipe, every model that ran: for which organs, which weights, how.
        review: What readers did to the result; empty if nobody reviewed it.
        software: Name of this software.
        version: Its version.
        created: ISO 8601 in UTC.
    """

    model_id: str
    model_version: str
    weights_sha256: str
    device: str
    backend: str
    precision: str
    thresholds: Mapping[str, float | None] = field(default_factory=dict)
    outline: float | None = None
    mirror: bool = False
    organs: tuple[str, ...] = ()
    input_kind: str = "memory"
    input_sha256: str = ""
    grid_shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    rungs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    windows_run: int = 0
    windows_skipped: int = 0
    peak_host_bytes: int | None = None
    peak_device_bytes: int | None = None
    threads: int | None = None
    disagreement: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Mapping[str, Any], ...] = ()
    review: Mapping[str, Any] = field(default_factory=dict)
    software: str = "AtlasTumor"
    version: str = __version__
    created: str = field(default_factory=creation_time)

    @property
    def algorithm_type(self) -> str:
        """How segments came about, in DICOM's words."""
        return "SEMIAUTOMATIC" if self.review else "AUTOMATIC"

    def to_dict(self) -> dict[str, Any]:
        """Give the whole record as what JSON can hold; NaN becomes None."""
        record: dict[str, Any] = to_plain(
            {one.name: getattr(self, one.name) for one in fields(self)}
        )
        return record

    def to_repeatable_dict(self) -> dict[str, Any]:
        """Give what is equal between two runs that are equal: the record without `MEASURED`.

        Images carry this one, so that the same input gives the same bytes.
        """
        return {key: value for key, value in self.to_dict().items() if key not in MEASURED}
