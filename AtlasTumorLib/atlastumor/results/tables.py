"""`lesions.csv` and `result.json`: what was found, for spreadsheets and for programs."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..lesions import Lesion
from ..provenance import to_plain
from .protocols import FindingLike, SegmentationLike
from .staging import SCHEMA

__all__ = ["COLUMNS", "NOTICE", "SCHEMA_VERSION", "identify", "write_lesions", "write_manifest"]

COLUMNS = ("organ", "lesion", "volume_ml", "diameter_mm", "score", "r", "a", "s", "side")
SCHEMA_VERSION = 1
NOTICE = "Not for clinical use."

_FINDING = (
    "organ",
    "coverage",
    "organ_ml",
    "n_lesions",
    "tumor_ml",
    "highest_score",
    "threshold",
    "message",
)


def write_lesions(path: Path, lesions: Iterable[Lesion]) -> None:
    """Write the table of lesions.

    r, a, s is the center of a voxel of the lesion, the one nearest its centroid, in RAS mm. An
    unknown score is left empty, as is the side of a lesion in an organ that has none.

    Args:
        path: The .csv file, UTF-8.
        lesions: One row each, in this order.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for one in lesions:
            score = "" if math.isnan(one.score) else f"{one.score:.4f}"
            sizes = f"{one.volume_ml:.4f}", f"{one.diameter_mm:.2f}"
            place = (f"{x:.2f}" for x in one.point_ras)
            table.writerow([one.organ, one.index, *sizes, score, *place, one.side or ""])


def write_manifest(
    path: Path,
    segmentation: SegmentationLike,
    files: Iterable[Path],
    *,
    notes: Iterable[str] = (),
) -> dict[str, Any]:
    """Write the record of a result, with the hash of each of its files.

    Args:
        path: The .json file; the other files lie in its folder.
        segmentation: The result.
        files: Everything that belongs to it, written already.
        notes: What the user should know about the files, one sentence each.

    Returns:
        What was written.
    """
    findings = [_to_record(finding) for finding in segmentation.findings]
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "notice": NOTICE,
        "notes": list(notes),
        "organs_in_view": [one["organ"] for one in findings if one["coverage"] != "none"],
        "findings": findings,
        "lesions": [to_plain(asdict(lesion)) for lesion in segmentation.lesions],
        "label_names": to_plain(segmentation.labels.names),
        "provenance": segmentation.provenance.to_dict(),
        "files": {file.relative_to(path.parent).as_posix(): identify(file) for file in files},
    }
    path.write_text(json.dumps(manifest, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return manifest


def _to_record(finding: FindingLike) -> dict[str, Any]:
    return {key: to_plain(getattr(finding, key)) for key in _FINDING}


def identify(file: Path) -> dict[str, Any]:
    """Give a file's hash and size, as a manifest lists them.

    Args:
        file: The file.

    Returns:
        "sha256" in hex and "bytes".
    """
    with file.open("rb") as stream:
        return {
            "sha256": hashlib.file_digest(stream, "sha256").hexdigest(),
            "bytes": file.stat().st_size,
        }
