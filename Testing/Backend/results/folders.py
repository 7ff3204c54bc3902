"""Folders with results in small, for tests of how they are put in place."""

from __future__ import annotations

import json
from pathlib import Path

from atlastumor.results import check_output
from atlastumor.results.folder import result_folder
from atlastumor.results.staging import MANIFEST, SCHEMA

OLD = {"labels.nii.gz": "old labels", "old.csv": "old table", "probabilities/liver.nii.gz": "p"}
NEW = {"labels.nii.gz": "new labels", "new.csv": "new table", "probabilities/colon.nii.gz": "q"}


def fill(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    manifest = {"schema": SCHEMA, "files": {name: {} for name in content}}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def write(directory: Path, content: dict[str, str], then: BaseException | None = None) -> None:
    with result_folder(check_output(directory)) as folder:
        fill(folder, content)
        if then is not None:
            raise then


def content_of(folder: Path) -> dict[str, str]:
    """Every file but the manifest, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def hidden_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]
