"""The diffusion models that DiffTumor's authors published, and where one lies on this computer.

The files are theirs: nothing is downloaded or passed on by this software. Facts about them are in
`files.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError, WeightsError
from ...models.weights import hash_file
from ...organs import find_organ

__all__ = ["EARLY_MM", "PublishedFile", "find_file", "find_published", "list_published"]

EARLY_MM = 20.0
"""Largest diameter of an "early" tumor, mm: a radius of 10 mm in the paper."""

_CONVERTED = ".safetensors"


@dataclass(frozen=True)
class PublishedFile:
    """One published checkpoint.

    Args:
        name: Its file name.
        organ: Key of the organ that it was trained on.
        kind: "early" or "noearly", by the size of the tumors that it was trained on.
        url: Where its authors offer it.
        license: Under what terms.
        megabytes: About how large it is.
        sha256: Hash of its bytes, hex; empty where it is not known.
    """

    name: str
    organ: str
    kind: str
    url: str
    license: str
    megabytes: int
    sha256: str = ""


def list_published() -> tuple[PublishedFile, ...]:
    """List every published checkpoint, organ by organ."""
    facts: dict[str, Any] = json.loads(
        Path(__file__).with_name("files.json").read_text(encoding="utf-8")
    )
    return tuple(
        PublishedFile(
            name=row["name"],
            organ=find_organ(row["organ"]).key,
            kind=row["kind"],
            url=facts["folder"] + row["name"],
            license=facts["license"],
            megabytes=facts["megabytes"],
            sha256=row.get("sha256", ""),
        )
        for row in facts["files"]
    )


def find_published(organ: str, diameter_mm: float) -> PublishedFile:
    """Find the checkpoint for a tumor.

    Args:
        organ: Key of its organ.
        diameter_mm: Diameter of the ball of equal volume, mm.

    Returns:
        The organ's "early" model up to 20 mm, else its "noearly" one.

    Raises:
        InputError: If the authors published none for the organ.
    """
    kind = "early" if diameter_mm <= EARLY_MM else "noearly"
    rows = list_published()
    for row in rows:
        if row.organ == organ and row.kind == kind:
            return row
    there = ", ".join(dict.fromkeys(find_organ(row.organ).name.lower() for row in rows))
    msg = (
        f"DiffTumor has no model of the {find_organ(organ).name.lower()}; it has models of: "
        f"{there}. Choose another method for this organ."
    )
    raise InputError(msg)


def find_file(published: PublishedFile, models_dir: Path | None) -> Path:
    """Find a checkpoint in the models folder.

    Args:
        published: Which one; a file of its name that ends in ".safetensors" (`convert_checkpoint`)
            is taken first.
        models_dir: The folder; None if the user has none.

    Returns:
        The file.

    Raises:
        WeightsError: If it is not there, saying what to fetch from where under which terms; or if
            its hash is not the published one.
    """
    if models_dir is not None:
        path = Path(models_dir) / published.name
        converted = path.with_suffix(_CONVERTED)
        if converted.is_file():
            return converted
        if path.is_file():
            _check_hash(published, path)
            return path
    msg = (
        "The method 'difftumor' needs weights that do not come with this software: "
        f"{published.name} ({published.megabytes} MB). Read its license ({published.license}), "
        f"download {published.url} and put it into the models folder."
    )
    raise WeightsError(msg)


def _check_hash(published: PublishedFile, path: Path) -> None:
    """Raise if the file is known not to be the published one."""
    if published.sha256 and hash_file(path) != published.sha256:
        msg = (
            f"The weights file {path.name} is not the published one: its SHA-256 is not "
            f"{published.sha256[:12]}…. Download {published.url} again."
        )
        raise WeightsError(msg)
