"""Operating points: the threshold of one organ, and everything that it is worth something for.

A threshold belongs to the weights whose probabilities it was chosen on, to the cohort and to the
hit rule. The file says all of them, and `thresholds_for` refuses it to any other model or weights.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import InputError, OutputError, UnknownKeyError
from ..models.schema import parse_json
from ..organs import find_organ
from ..provenance import creation_time, to_plain

if TYPE_CHECKING:
    from ..models.recipe import Model

__all__ = [
    "SCHEMA",
    "OperatingPoint",
    "load_operating_points",
    "save_operating_points",
    "thresholds_for",
]

SCHEMA = "atlastumor-operating-points/1"

_MOST_BYTES = 1_000_000
_NOTICE = "Not for clinical use."

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """One organ's threshold and where it comes from.

    Args:
        model_id: Id of the model card; empty if the predictions do not say.
        weights_sha256: Hash of the weights, hex; empty if the predictions do not say.
        organ: The organ's key.
        threshold: Candidates are p >= this.
        data_set: Name of the cohort.
        hit_rule: Name of the rule by which lesions counted as found.
        hit_threshold: The rule's own number.
        hit_guard: Whether components far larger than the lesion did not count.
        hit_text: The rule in a sentence.
        false_positives: "lenient" or "strict".
        min_volume_mm3: Smaller components and lesions did not count.
        floor: Lower thresholds were not looked at.
        target: What was wanted of the threshold, in words.
        sensitivity: Pooled over lesions, on the cohort itself.
        sensitivity_interval: 95 %, from resampling cases; None if unknown.
        fp_per_scan: False positives over all scans, on the cohort itself.
        fp_per_scan_interval: 95 %; None if unknown.
        n_lesions: Lesions of the cohort.
        n_scans: Scans of the cohort.
        created: ISO 8601 in UTC.
        software: Name and version of this software.
        schema: Form of the file.
    """

    model_id: str
    weights_sha256: str
    organ: str
    threshold: float
    data_set: str
    hit_rule: str
    hit_threshold: float
    hit_guard: bool
    hit_text: str
    false_positives: str
    min_volume_mm3: float
    floor: float
    target: str
    sensitivity: float
    sensitivity_interval: Interval | None = None
    fp_per_scan: float
    fp_per_scan_interval: Interval | None = None
    n_lesions: int
    n_scans: int
    created: str = field(default_factory=creation_time)
    software: str = f"AtlasTumor {__version__}"
    schema: str = SCHEMA

    @property
    def text(self) -> str:
        """Where the threshold comes from, in a sentence."""
        return (
            f"threshold {self.threshold:.4g} of {self.organ} from the operating point of "
            f"'{self.data_set}' ({self.target}; there {self.sensitivity:.1%} of {self.n_lesions} "
            f"lesions at {self.fp_per_scan:.3g} FP per scan; {self.hit_text})"
        )


def save_operating_points(path: Path, points: Iterable[OperatingPoint]) -> None:
    """Write operating points, one organ or several, beside and then in place.

    Args:
        path: The .json file; replaced if it exists.
        points: One per organ.

    Raises:
        OutputError: If it cannot be written.
        ValueError: If an organ comes twice.
    """
    listed = list(points)
    if len({point.organ for point in listed}) < len(listed):
        msg = "An organ has one operating point in a file."
        raise ValueError(msg)
    data = {
        "schema": SCHEMA,
        "notice": _NOTICE,
        "points": [to_plain(asdict(point)) for point in listed],
    }
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        msg = f"The operating point cannot be written to '{path}': {error.strerror}."
        raise OutputError(msg) from error


def load_operating_points(path: Path) -> tuple[OperatingPoint, ...]:
    """Read operating points.

    Args:
        path: The .json file.

    Returns:
        One per organ.

    Raises:
        InputError: If it cannot be read or is no such file; says what is wrong with it.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _fault(path, "it is larger than 1 MB")
        data = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _fault(path, f"it cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _fault(path, f"it is not valid JSON ({error})") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise _fault(path, f"its schema is not '{SCHEMA}'; make it with `atlastumor froc`")
    rows = data.get("points")
    if not isinstance(rows, list) or not rows:
        raise _fault(path, "it holds no points")
    points = tuple(_parse(path, row) for row in rows)
    if len({point.organ for point in points}) < len(points):
        raise _fault(path, "an organ comes twice")
    return points


def thresholds_for(points: Sequence[OperatingPoint], card: Model) -> dict[str, float]:
    """Give the thresholds if they were chosen for this model and these weights.

    A threshold of 1, where segmentation finds nothing, stands for all that maps store as 1: it
    becomes the least of these probabilities.

    Args:
        points: As `load_operating_points` gives them.
        card: The model that is to run.

    Returns:
        Threshold by organ key.

    Raises:
        InputError: If a point belongs to another model or to other weights, does not say to which,
            or the model finds no tumors of its organ.
    """
    known = {output.organ for output in card.outputs if output.kind == "tumor"}
    for point in points:
        fault = _mismatch(point, card)
        if fault is None and point.organ not in known:
            fault = f"the model '{card.id}' finds no tumors of it"
        if fault is not None:
            msg = (
                f"The operating point of {point.organ} cannot be used: {fault}. Choose a threshold "
                "on this model's own predictions with `atlastumor froc`."
            )
            raise InputError(msg)
    from ..results.nifti import PROBABILITY_STEP  # noqa: PLC0415 - pulls in nibabel

    highest = 1.0 - PROBABILITY_STEP / 2
    return {point.organ: min(point.threshold, highest) for point in points}


def _mismatch(point: OperatingPoint, card: Model) -> str | None:
    if not point.model_id:
        return "it does not say for which model it was chosen"
    if point.model_id != card.id:
        return f"it was chosen for the model '{point.model_id}', not for '{card.id}'"
    if not point.weights_sha256:
        return "it does not say for which weights it was chosen"
    if point.weights_sha256 != card.weights.sha256:
        return (
            f"it was chosen for other weights of '{card.id}' ({point.weights_sha256[:12]}..., not "
            f"{card.weights.sha256[:12]}...)"
        )
    return None


def _fault(path: Path, what: str) -> InputError:
    return InputError(f"The operating-point file {path.name} cannot be used: {what}.")


def _parse(path: Path, row: Any) -> OperatingPoint:
    """Check one entry, key by key."""
    names = {one.name for one in fields(OperatingPoint)}
    if not isinstance(row, dict) or set(row) != names:
        odd = sorted(names ^ set(row)) if isinstance(row, dict) else [str(type(row).__name__)]
        raise _fault(path, f"keys are missing or unknown: {', '.join(map(str, odd))}")
    values = {key: _check(path, key, value) for key, value in row.items()}
    try:
        find_organ(values["organ"])
    except UnknownKeyError as error:
        raise _fault(path, str(error).rstrip(".")) from error
    return OperatingPoint(**values)


_BOUNDS: Mapping[str, Interval] = {
    "threshold": (0.0, 1.0),
    "floor": (0.0, 1.0),
    "sensitivity": (0.0, 1.0),
}


def _check(path: Path, key: str, value: Any) -> Any:
    """Give one value its type."""
    kind = OperatingPoint.__annotations__[key]
    if kind == "Interval | None":
        return None if value is None else tuple(_check_interval(path, key, value))
    if kind == "float":
        return _check_number(path, key, value)
    wanted = {"str": str, "bool": bool, "int": int}[kind]
    if type(value) is not wanted:
        raise _fault(path, f"{key} is {value!r}, where {kind} is needed")
    return value


def _check_interval(path: Path, key: str, value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) != 2:
        raise _fault(path, f"{key} is {value!r}, where two numbers are needed")
    return [_check_number(path, key, end) for end in value]


def _check_number(path: Path, key: str, value: Any) -> float:
    low, high = _BOUNDS.get(key, (-math.inf, math.inf))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise _fault(path, f"{key} is {value!r}, where a number from {low:g} to {high:g} is needed")
    return float(value)
