"""The files of the catalogue that methods of synthesis need."""

from __future__ import annotations

from ...errors import UnknownKeyError
from ...organs import find_organ
from ..published import PublishedFile
from . import entries

__all__ = ["describe_purpose", "find_published", "list_needed", "list_published"]


def list_published() -> tuple[PublishedFile, ...]:
    """List every published file that a method needs."""
    return tuple(file for entry in entries.list_entries() if entry.method for file in entry.files)


def find_published(name: str) -> PublishedFile:
    """Find a published file.

    Args:
        name: Of the file, with or without its ending.

    Returns:
        The file.

    Raises:
        UnknownKeyError: If there is none of this name.
    """
    files = {one.name: one for one in list_published()}
    short = {name.rpartition(".")[0]: one for name, one in files.items()}
    if name not in files | short:
        raise UnknownKeyError("published file", name, files)
    return (files | short)[name]


def list_needed(method: str, organ: str, diameter_mm: float) -> tuple[PublishedFile, ...]:
    """List the files of which a method needs one for a tumor.

    Args:
        method: Its key.
        organ: Key of the tumor's organ; empty if it is not known yet.
        diameter_mm: Diameter of the ball of equal volume, mm.

    Returns:
        One for each organ that comes into question; none if the weights come with this software,
        or the method does not know the organ.
    """
    own = (one for one in list_published() if one.method == method)
    return tuple(one for one in own if one.suits(organ, diameter_mm))


def describe_purpose(published: PublishedFile) -> str:
    """Say in a few words for which tumors a file is."""
    organs = ", ".join(find_organ(key).name.lower() for key in published.organs)
    low, high = published.diameters_mm
    if low > 0.0:
        return f"{organs}, above {low:g} mm"
    return organs if high == float("inf") else f"{organs}, up to {high:g} mm"
