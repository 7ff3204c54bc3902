"""The diffusion models that DiffTumor's authors published; facts about them are in `files.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...errors import InputError
from ...organs import find_organ
from ..published import PublishedFile

__all__ = ["EARLY_MM", "find_published", "list_published"]

EARLY_MM = 20.0
"""Largest diameter of an "early" tumor, mm: a radius of 10 mm in the paper."""


def list_published() -> Mapping[tuple[str, str], PublishedFile]:
    """List every published checkpoint, by key of its organ and "early" or "noearly"."""
    facts: dict[str, Any] = json.loads(
        Path(__file__).with_name("files.json").read_text(encoding="utf-8")
    )
    return MappingProxyType(
        {
            (find_organ(row["organ"]).key, row["kind"]): PublishedFile(
                method="difftumor",
                name=row["name"],
                url=facts["folder"] + row["name"],
                license=facts["license"],
                megabytes=facts["megabytes"],
                sha256=row.get("sha256", ""),
                terms=facts["terms"],
                domains=tuple(facts["domains"]),
                organs=(row["organ"],),
                diameters_mm=(0.0, EARLY_MM) if row["kind"] == "early" else (EARLY_MM, math.inf),
            )
            for row in facts["files"]
        }
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
    files = list_published()
    if (organ, kind) in files:
        return files[organ, kind]
    there = ", ".join(dict.fromkeys(find_organ(key).name.lower() for key, _ in files))
    msg = (
        f"DiffTumor has no model of the {find_organ(organ).name.lower()}; it has models of: "
        f"{there}. Choose another method for this organ."
    )
    raise InputError(msg)
