"""ULS23: boxes cut around single lesions, from many sources.

    .../SOURCE/images/NAME.nii.gz and .../SOURCE/labels/NAME.nii.gz, 1 for the lesion

A box shows one lesion; others in it were taken out of its label. So only the lesion is known, and
all around it is unknown. Which organ it is in follows from its source (LiTS, KiTS, the pancreas
and colon of the Decathlon and of Radboudumc); of the other sources nobody says it. Labels grown
from a measured diameter (`labels_grabcut`) are no annotation and are left out.

Source:
    de Grauw et al., arXiv 2406.05231; the folders of its repository.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..errors import InputError
from ..organs import ORGANS, Organ
from ..scans.input_files import name_of
from .cases import UNKNOWN, Annotation, Collection, join_collections
from .numbers import Numbering
from .pairs import find_within, list_files, pair_files

__all__ = ["is_uls", "read_uls"]

_PARENTS = ("novel_data", "fully_annotated", "partially_annotated")


def is_uls(root: Path) -> bool:
    """Tell whether a folder holds ULS23."""
    return any(_list_sources(root))


def read_uls(root: Path) -> Collection:
    """Read the boxes whose lesion is in an organ of ours.

    Args:
        root: A folder that holds `novel_data` or `processed_data`, or is one of them.

    Returns:
        One case per box.

    Raises:
        InputError: If no source says the organ of its lesions, or a folder of one is empty.
    """
    found: dict[str, Collection] = {}
    notes: list[str] = []
    for source in _list_sources(root):
        organ = _find_organ(source.name)
        labels = source / "labels"
        if organ is None or not labels.is_dir():
            why = "no annotation of its own" if organ else "no organ for its lesions"
            notes.append(f"ULS23's {name_of(source)} has {why}; it is left out.")
            continue
        values = {0: (UNKNOWN,), 1: (organ.tumor_label,)}
        numbering = Numbering(values, Annotation(tumors=frozenset({organ.key})))
        scans, files = list_files(source / "images"), list_files(labels)
        found[source.name] = pair_files(scans, files, partial(_keep, numbering))
    if not found:
        msg = f"{name_of(root)} holds no source of ULS23 whose lesions are in an organ of ours."
        raise InputError(msg)
    joined = join_collections(found)
    return Collection(joined.cases, joined.problems, (*notes, _APART))


_APART = (
    "Boxes of one scan count as scans of their own. Before you validate on some, give those whose "
    "names begin alike, up to `_lesion`, one split."
)


def _keep(numbering: Numbering, _path: Path) -> Numbering:
    return numbering


def _list_sources(root: Path) -> list[Path]:
    """Folders of one source each."""
    parents = [path for name in _PARENTS for path in find_within(root, name)]
    parents += [root] if root.name in _PARENTS else []
    inner = (path for parent in parents for path in parent.iterdir())
    return sorted(path for path in inner if (path / "images").is_dir())


def _find_organ(source: str) -> Organ | None:
    """The organ that a source's name says: by a word of it, or by the data set it was cut from."""
    name = source.lower()
    for organ in ORGANS:
        origins = [key for key in ("lits", "kits") if key in organ.aliases]
        if any(word in name for word in (*organ.words, *origins)):
            return organ
    return None
