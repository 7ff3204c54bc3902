"""The folder of one synthetic case: AbdomenAtlas's layout, complete or absent.

CASE/ct.nii.gz                    the scan with its tumors
CASE/labels.nii.gz                organs and tumors, AbdomenAtlas 2.0 numbers
CASE/segmentations/<mask>.nii.gz  each organ as in the healthy scan, and each organ's tumors
CASE/result.json                  what was drawn, kept and written, with a hash of every file
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..provenance import to_plain
from ..results.folder import check_output, result_folder
from ..results.nifti import write_labels, write_scan
from ..results.staging import MANIFEST, SCHEMA, list_own_files
from ..results.tables import NOTICE, SCHEMA_VERSION, identify
from ..synthesis.result import SYNTHETIC_NOTE
from ..volume import LabelMap
from .growing import CohortSettings, GrownCase, Recipe
from .healthy import HealthyScan
from .layouts import SEGMENTATIONS

__all__ = ["describe_file", "read_case", "write_case"]

_KIND = "synthetic-case"


def read_case(folder: Path) -> dict[str, Any] | None:
    """Read the record of a finished case; what a killed process left is cleared up.

    Args:
        folder: The case's.

    Returns:
        Its record, or None if the case is not finished.

    Raises:
        OutputError: If the folder holds something else or cannot be written to.
    """
    folder = check_output(folder)
    files = list_own_files(folder)
    if files is None or not all((folder / name).is_file() for name in files):
        return None
    record: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return record if record.get("kind") == _KIND else None


def write_case(
    folder: Path,
    name: str,
    healthy: HealthyScan,
    grown: GrownCase,
    recipe: Recipe,
    *,
    look: Mapping[str, int],
) -> dict[str, Any]:
    """Write a case.

    Args:
        folder: Its folder; must not exist or hold an earlier state of the case.
        name: Of the case.
        healthy: The scan before.
        grown: The scan after.
        recipe: What it follows from.
        look: Of its input's files, as `look_at_files` gave it before they were read.

    Returns:
        Its record.

    Raises:
        OutputError: If it cannot be written; nothing is then left of it.
    """
    needed = grown.scan.array.nbytes + 2 * grown.labels.array.nbytes
    folder = check_output(folder, needed_bytes=needed)
    short = describe_file(name, is_synthetic=bool(grown.tumors))
    with result_folder(folder) as partial:
        (partial / SEGMENTATIONS).mkdir()
        files = [partial / "ct.nii.gz", partial / "labels.nii.gz"]
        write_scan(files[0], grown.scan, record=short)
        write_labels(files[1], grown.labels, record=short)
        for stem, mask in _list_masks(healthy.labels, grown.labels, recipe.settings):
            files.append(partial / SEGMENTATIONS / f"{stem}.nii.gz")
            names = {1: stem}
            write_labels(files[-1], LabelMap(mask, grown.labels.grid, names), record=short)
        record = _describe(short, healthy, grown, recipe)
        record["input"] |= look
        record["files"] = {file.relative_to(partial).as_posix(): identify(file) for file in files}
        text = json.dumps(record, indent=2, allow_nan=False) + "\n"
        (partial / MANIFEST).write_text(text, encoding="utf-8")
    return record


def describe_file(name: str, *, is_synthetic: bool) -> dict[str, Any]:
    """What every volume of a case says of itself in its header.

    Args:
        name: Of the case.
        is_synthetic: Whether it holds a synthetic tumor.

    Returns:
        The record.
    """
    return {
        "software": "AtlasTumor",
        "version": __version__,
        "case": name,
        "synthetic": is_synthetic,
        "notice": f"{SYNTHETIC_NOTE} {NOTICE}" if is_synthetic else NOTICE,
    }


def _list_masks(
    before: LabelMap, after: LabelMap, settings: CohortSettings
) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Masks by their AbdomenAtlas names; an organ's holds what of its tumors lies inside it."""
    for organ in settings.rows:
        for label, stem in zip(organ.labels, organ.organ_files, strict=True):
            yield stem, (before.array == label).view(np.uint8)
    for organ in settings.rows:
        yield organ.tumor_files[0], (after.array == organ.tumor_label).view(np.uint8)


def _describe(
    short: Mapping[str, Any],
    healthy: HealthyScan,
    grown: GrownCase,
    recipe: Recipe,
) -> dict[str, Any]:
    source = healthy.scan.source
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "kind": _KIND,
        **short,
        "settings": recipe.record(),
        "input": {"kind": source.kind, "sha256": source.sha256, "organs": healthy.origin},
        "tumors": list(grown.tumors),
        "attempts": [attempt.record() for attempt in grown.attempts],
        "notes": list(source.notes),
        "label_names": to_plain(grown.labels.names),
    }
