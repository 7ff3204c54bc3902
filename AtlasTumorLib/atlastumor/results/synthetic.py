"""A scan with a synthetic tumor into a folder, marked as such in every file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..provenance import to_plain
from .folder import check_output, result_folder
from .nifti import write_labels, write_scan
from .staging import MANIFEST, SCHEMA
from .tables import NOTICE, SCHEMA_VERSION, identify

if TYPE_CHECKING:
    from ..synthesis.result import SynthesisResult

__all__ = ["describe_tumor", "write_synthetic"]


def write_synthetic(
    result: SynthesisResult, directory: Path, *, overwrite: bool = True
) -> list[Path]:
    """Write a scan with a synthetic tumor, complete or not at all.

    The same result gives the same bytes; nothing in them names a patient or a path.

    Args:
        result: What to write.
        directory: As for `check_output`.
        overwrite: Whether an earlier result in the folder may be replaced.

    Returns:
        `ct.nii.gz` and `labels.nii.gz`, whose descriptions begin with SYNTHETIC, and the record
        `result.json`.

    Raises:
        OutputError: If the folder cannot be written to; an earlier result is then unchanged.
    """
    needed = result.scan.array.nbytes + result.labels.array.nbytes
    directory = check_output(directory, overwrite=overwrite, needed_bytes=needed)
    record = _describe(result)
    with result_folder(directory) as folder:
        files = [folder / "ct.nii.gz", folder / "labels.nii.gz"]
        write_scan(files[0], result.scan, record=record)
        write_labels(files[1], result.labels, record=record)
        manifest = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "notice": f"The tumor is synthetic. {NOTICE}",
            **record,
            "label_names": to_plain(result.labels.names),
            "files": {file.name: identify(file) for file in files},
        }
        text = json.dumps(manifest, indent=2, allow_nan=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    return [directory / name for name in ("ct.nii.gz", "labels.nii.gz", MANIFEST)]


def describe_tumor(result: SynthesisResult) -> dict[str, Any]:
    """Say what was asked for and what came out, in what JSON can hold.

    Args:
        result: One synthetic tumor.

    Returns:
        Lengths in mm, densities in HU, places in RAS mm, the changed box in voxels of the scan.
    """
    request = result.request
    return {
        "organ": request.organ,
        "request": request.record(),
        "center_ras": to_plain(result.center_ras),
        "off_center_mm": round(result.off_center_mm, 2),
        "outside_organ": {
            "most": request.max_outside,
            "got": round(result.outside_share, 4),
            "margin_mm": round(result.outgrowth_mm, 3),
        },
        "diameter_mm": {"asked": request.diameter_mm, "got": round(result.diameter_mm, 3)},
        "contrast_hu": {"asked": request.contrast_hu, "got": round(result.contrast_hu, 2)},
        "lesion": to_plain(asdict(result.lesion)),
        "changed_box": [[side.start, side.stop] for side in result.box],
        "margin_mm": round(result.margin_mm, 3),
        "notes": list(result.notes),
    }


def _describe(result: SynthesisResult) -> dict[str, Any]:
    """The record that each file carries."""
    return {
        "software": "AtlasTumor",
        "version": __version__,
        "synthetic": True,
        "method": result.request.method,
        "seed": result.request.seed,
        **describe_tumor(result),
        "input": {"kind": result.original.kind, "sha256": result.original.sha256},
        "notes": [*result.scan.source.notes, *result.notes],
    }
