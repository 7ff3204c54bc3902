"""A phantom into a folder: scan, labels and description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from .folder import check_output, result_folder
from .nifti import write_labels, write_scan
from .staging import MANIFEST, SCHEMA
from .tables import identify

if TYPE_CHECKING:
    from ..phantom import Phantom

__all__ = ["write_phantom"]


def write_phantom(phantom: Phantom, directory: Path) -> list[Path]:
    """Write a phantom, complete or not at all.

    Args:
        phantom: What to write.
        directory: As for `check_output`.

    Returns:
        `ct.nii.gz`, `labels.nii.gz` and the record `result.json` with the phantom's description.

    Raises:
        OutputError: If the folder cannot be written to.
    """
    directory = check_output(directory)
    record = {"software": "AtlasTumor", "version": __version__, "phantom": phantom.description}
    with result_folder(directory) as folder:
        files = [folder / "ct.nii.gz", folder / "labels.nii.gz"]
        write_scan(files[0], phantom.scan, record=record)
        write_labels(files[1], phantom.labels, record=record)
        manifest = {
            "schema": SCHEMA,
            "schema_version": 1,
            "notice": "A synthetic phantom; no patient was scanned.",
            **record,
            "files": {file.name: identify(file) for file in files},
        }
        text = json.dumps(manifest, indent=2, allow_nan=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    return [directory / name for name in ("ct.nii.gz", "labels.nii.gz", MANIFEST)]
