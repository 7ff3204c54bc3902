"""What in a folder is a scan: not label maps, masks, or results of ours.

Nothing is guessed from a name alone. A file or folder counts as labels only if what it labels lies
beside it, as the layouts of data sets have it:

    labels           beside                     as in
    CASE_seg         CASE                       folders of users; also _mask, _labels, _TSseg, ...
    labels           ct                         AbdomenAtlas, results of this software
    segmentation     imaging                    KiTS
    segmentation-N   volume-N                   LiTS
    segmentations/   ct                         AbdomenAtlas
    labelsTr/        imagesTr/                  Decathlon, nnU-Net, AMOS, FLARE
    label/           ct/                        AbdomenAtlas 2.0
    LabelTr/         ImageTr/                   PanTS
    TrainingMask/    TrainingImg/               FLARE 2021

So the only file of a folder is a scan, whatever its name. `.seg.nrrd` is a segmentation by its
format. What `result.json` of this software lists belongs to a result, but for the scan in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...batch.cases import Problem
from ...collections.pairs import CHANNEL
from ...results.staging import MANIFEST, list_own_files
from .places import Entry, Folder

__all__ = [
    "LABEL_ENDINGS",
    "Contents",
    "find_contents",
    "is_label_folder",
    "name_volume",
    "split_name",
]

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
_SEGMENTATION = ".seg.nrrd"
_SCANS = ("ct", "imaging", "image", "scan")
_LABELS = (
    "labels",
    "label",
    "segmentation",
    "seg",
    "mask",
    "combined_labels",
    "aggregated_MAJ_seg",
    "aggregated_OR_seg",
    "aggregated_AND_seg",
)
LABEL_ENDINGS = (
    "_seg",
    "-seg",
    "_segmentation",
    "_label",
    "_labels",
    "-label",
    "_mask",
    "_gt",
    "_TSseg",
)
_PARTNERS = (("volume-", "segmentation-"),)
_FOLDER_PARTNERS = (
    ("label", "image"),
    ("label", "ct"),
    ("labels", "ct"),
    ("mask", "img"),
    ("mask", "image"),
    ("segmentation", "volume"),
)
_WITHIN_CASE = ("segmentations", "masks")


@dataclass
class Contents:
    """What was found in a folder, or in several.

    Args:
        volumes: Scans in one file, with the name each goes by and its folder's, upward.
        archives: Zip files.
        others: Files that may be DICOM.
        neighbors: Those of `others` that nobody named; a series of them alone does not count.
        left_out: Label maps and results.
        problems: What cannot be read.
    """

    volumes: list[tuple[Entry, tuple[str, ...]]] = field(default_factory=list)
    archives: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)
    neighbors: list[Path] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, other: Contents) -> None:
        """Add what was found elsewhere."""
        self.volumes += other.volumes
        self.archives += other.archives
        self.others += other.others
        self.neighbors += other.neighbors
        self.left_out += other.left_out
        self.problems += other.problems


def split_name(name: str) -> tuple[str, str]:
    """Take the ending of a volume's format off a file's name.

    Args:
        name: Of a file.

    Returns:
        The rest, and the ending in lower case; the name and "" if it is none of these formats.
    """
    lower = name.lower()
    ending = next((one for one in _ENDINGS if lower.endswith(one) and lower != one), "")
    return (name[: -len(ending)], ending) if ending else (name, "")


def find_contents(folder: Folder, names: Iterable[str] | None = None) -> Contents:
    """Sort the files of a folder.

    Args:
        folder: As listed.
        names: Of the files that count; None for all.

    Returns:
        Its files by what they are.
    """
    wanted = folder.files.keys() if names is None else set(names)
    stems = {split_name(name)[0] for name in folder.files if split_name(name)[1]}
    own = _list_results(folder)
    strip = bool(stems) and all(
        _strip_channel(stem) != stem for stem in stems - _find_labels(stems)
    )
    found = Contents(problems=[folder.problem] if folder.problem else [])
    for name, entry in folder.files.items():
        if name not in wanted:
            continue
        stem, ending = split_name(name)
        if entry.path in own or (ending and _is_label(name, stem, stems)):
            found.left_out.append(entry.path)
        elif ending:
            shown = _strip_channel(stem) if strip else stem
            found.volumes.append((entry, name_volume(shown, folder.path)))
        elif name.lower().endswith(".zip"):
            found.archives.append(entry)
        else:
            found.others.append(entry)
    return found


def is_label_folder(name: str, parent: Folder) -> bool:
    """Tell whether a folder holds the labels of what lies beside it.

    Args:
        name: Of the folder.
        parent: The folder it is in.

    Returns:
        Whether a layout that we know has labels there.
    """
    name = name.lower()
    others = {one.lower() for one in parent.folders} - {name}
    stems = (split_name(one)[0].lower() for one in parent.files)
    if name in _WITHIN_CASE and any(stem in _SCANS for stem in stems):
        return True
    if name.startswith("labels") and any(one.startswith("images") for one in others):
        return True
    return any(
        label in name and name.replace(label, scan, 1) in others for label, scan in _FOLDER_PARTNERS
    )


def _list_results(folder: Folder) -> set[Path]:
    """Files of our results in a folder, or in one within the result's; scans do not count."""
    own = set()
    for home in (folder.path, folder.path.parent):
        names = list_own_files(home) if (home / MANIFEST).is_file() else None
        own |= {home / name for name in names or () if split_name(name)[0] not in _SCANS}
    return own


def _find_labels(stems: set[str]) -> set[str]:
    return {stem for stem in stems if _is_label("", stem, stems)}


def _is_label(name: str, stem: str, stems: set[str]) -> bool:
    if name.lower().endswith(_SEGMENTATION):
        return True
    if stem in _LABELS and not stems.isdisjoint(_SCANS):
        return True
    return any(one in stems for one in _list_partners(stem))


def _list_partners(stem: str) -> Iterator[str]:
    """Names under which what a file labels would lie beside it."""
    for ending in LABEL_ENDINGS:
        if stem.endswith(ending) and stem != ending:
            yield stem.removesuffix(ending)
            yield stem.removesuffix(ending) + CHANNEL
    for scan, label in _PARTNERS:
        if stem.startswith(label):
            yield scan + stem.removeprefix(label)


def _strip_channel(stem: str) -> str:
    return stem.removesuffix(CHANNEL) or stem


def name_volume(stem: str, folder: Path) -> tuple[str, ...]:
    """Give the names that a scan may go by.

    Args:
        stem: Its file's name without ending.
        folder: The folder that it is in.

    Returns:
        Its own name, its folder's, and so on up; `CASE/ct.nii.gz` goes by that of its folder.
    """
    above = tuple(reversed(folder.parts[1:]))
    return above if stem.lower() in _SCANS and above else (stem, *above)
