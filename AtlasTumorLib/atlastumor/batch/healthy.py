"""Scans for synthetic tumors to grow in: where they are, and where their organs are.

    CASE.nii.gz        with CASE_labels.nii.gz beside it, or without
    CASE/ct.nii.gz     with labels.nii.gz, CASE_labels.nii.gz or segmentations/ in it, or without

Label maps hold AbdomenAtlas 2.0's numbers, segmentations its masks. Without either a segmenter
finds the organs; as the scans are healthy, what it takes for a tumor is then organ. `.nii` will do
as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import box_within, find_boxes, find_components
from ..errors import InputError
from ..organs import ORGANS, Organ, label_names
from ..progress import CancelToken, Progress, ignore_progress, part_of
from ..scans.input_files import name_of, refuse
from ..scans.reader import read_scan
from ..volume import LabelMap, Scan
from .cases import Problem
from .laying import lay_on_grid
from .layouts import SEGMENTATIONS, find_masks, list_places
from .quality import Critic
from .volumes import read_labels, read_mask

__all__ = ["HealthyCase", "HealthyScan", "find_healthy", "look_at_files", "read_healthy"]

_ENDINGS = (".nii.gz", ".nii")
_LABELS = "_labels"
_READABLE = "a case that can be read"
_READ = 0.4


@dataclass(frozen=True)
class HealthyCase:
    """A scan, and what outlines its organs.

    Args:
        name: Of the case.
        scan: The CT.
        labels: Label map; None if there is none.
        masks: The case's folder, if masks in it outline the organs instead; else None.
    """

    name: str
    scan: Path
    labels: Path | None = None
    masks: Path | None = None


@dataclass(frozen=True, eq=False)
class HealthyScan:
    """A case as read.

    Args:
        scan: The CT.
        labels: Its organs.
        origin: What the organs are from: "labels", "masks" or "model".
    """

    scan: Scan
    labels: LabelMap
    origin: str


def look_at_files(case: HealthyCase) -> dict[str, int]:
    """Tell by how its files look whether a case has changed; nothing is read.

    Args:
        case: One of `find_healthy`.

    Returns:
        Of its scan with its label map or masks, ready for JSON: "size_bytes" of all together, and
        "modified_ns", the latest modification in nanoseconds since 1970.

    Raises:
        InputError: If a file is not there any more.
    """
    masks = [] if case.masks is None else [path for _, path in _list_masks(case.masks)]
    files = [case.scan, *([] if case.labels is None else [case.labels]), *masks]
    try:
        states = [path.stat() for path in files]
    except OSError as error:
        raise refuse(case.scan, error) from error
    return {
        "size_bytes": sum(state.st_size for state in states),
        "modified_ns": max(state.st_mtime_ns for state in states),
    }


def find_healthy(directory: Path) -> tuple[tuple[HealthyCase, ...], tuple[Problem, ...]]:
    """List the scans of a folder.

    Args:
        directory: The folder.

    Returns:
        The cases by name, and what is wrong with those that cannot be used.

    Raises:
        InputError: If it cannot be read, holds no case, or is itself the folder of one.
    """
    places = list_places(directory)
    cases: list[HealthyCase] = []
    problems: list[Problem] = []
    for name, paths in sorted(places.items()):
        if name.endswith(_LABELS) and name.removesuffix(_LABELS) in places:
            continue
        try:
            cases.append(_find_case(name, paths))
        except InputError as error:
            problems.append(Problem(name, str(error)))
        except OSError as error:  # such as a folder that belongs to somebody else
            problems.append(Problem(name, str(refuse(paths[0], error, give=_READABLE))))
    return tuple(cases), tuple(problems)


def _find_case(name: str, paths: Sequence[Path]) -> HealthyCase:
    if len(paths) > 1:
        names = " and ".join(name_of(path) for path in paths)
        msg = f"It is there more than once, as {names}; keep one."
        raise InputError(msg)
    place = paths[0]
    if not place.is_dir():
        return HealthyCase(name, place, _find(place.parent, [f"{name}{_LABELS}"]))
    scan = _find(place, ["ct"])
    if scan is None:
        msg = "Its folder holds no 'ct.nii.gz'; add the scan."
        raise InputError(msg)
    labels = _find(place, ["labels", f"{name}{_LABELS}"])
    has_masks = labels is None and (place / SEGMENTATIONS).is_dir()
    return HealthyCase(name, scan, labels, place if has_masks else None)


def _find(folder: Path, stems: Sequence[str]) -> Path | None:
    """The only file of one of these names; None if there is none."""
    paths = (folder / f"{stem}{ending}" for stem in stems for ending in _ENDINGS)
    found = [path for path in paths if path.is_file()]
    if len(found) > 1:
        msg = f"{name_of(found[0])} and {name_of(found[1])} are both there; keep one."
        raise InputError(msg)
    return found[0] if found else None


def read_healthy(
    case: HealthyCase,
    critic: Critic,
    *,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> HealthyScan:
    """Read a scan and its organs, or let a segmenter find them.

    Args:
        case: One of `find_healthy`.
        critic: The segmenter.
        progress: Told how far it is.
        cancel: Stops the segmenter.

    Returns:
        The scan, and its organs on the same grid.

    Raises:
        InputError: If a file cannot be used or lies on another grid.
        OutOfMemoryError: If memory does not suffice.
        Cancelled: If `cancel` was set.
    """
    scan = read_scan(case.scan, progress=part_of(progress, 0.0, _READ))
    if case.labels is not None:
        array, grid = read_labels(case.labels)
        array = lay_on_grid(array, grid, scan.grid, ("The label map", "the scan"))
        return HealthyScan(scan, LabelMap(array, scan.grid, label_names()), "labels")
    if case.masks is not None:
        array = _join_masks(case.masks, scan)
        return HealthyScan(scan, LabelMap(array, scan.grid, label_names()), "masks")
    found = critic.segment(scan, progress=part_of(progress, _READ, 1.0), cancel=cancel).labels
    return HealthyScan(scan, _heal(found), "model")


def _join_masks(folder: Path, scan: Scan) -> npt.NDArray[np.uint8]:
    """Put masks into one label map, tumors over organs."""
    labels: npt.NDArray[np.uint8] = np.zeros(scan.grid.shape, np.uint8)
    for label, path in _list_masks(folder):
        mask, grid = read_mask(path)
        names = (f"The mask {name_of(path)}", "the scan")
        labels[lay_on_grid(mask, grid, scan.grid, names)] = label
    return labels


def _list_masks(folder: Path) -> Iterator[tuple[int, Path]]:
    """Masks of all organs, then of all tumors, with their labels."""
    for organ in ORGANS:
        for label, stem in zip(organ.labels, organ.organ_files, strict=True):
            yield from ((label, path) for path in find_masks(folder, [stem]))
    for organ in ORGANS:
        yield from ((organ.tumor_label, path) for path in find_masks(folder, organ.tumor_files))


def _heal(labels: LabelMap) -> LabelMap:
    """Give a healthy scan's supposed tumors back to their organs."""
    array = labels.array.copy()
    boxes = find_boxes(array)
    for organ in ORGANS:
        box = boxes.get(organ.tumor_label)
        for region in list(find_components(array, organ.tumor_label, box)) if box else []:
            i, j, k = (slice(max(side.start - 1, 0), side.stop + 1) for side in region.box)
            view = array[i, j, k]
            mask = np.zeros(view.shape, bool)
            mask[box_within((i, j, k), region.box)] = region.mask
            view[mask] = _find_side(view[ndimage.binary_dilation(mask)], organ)
    return LabelMap(array, labels.grid, labels.names)


def _find_side(around: npt.NDArray[np.uint8], organ: Organ) -> int:
    """Which of a paired organ's labels is most frequent."""
    counts = Counter({label: int(np.count_nonzero(around == label)) for label in organ.labels})
    return counts.most_common(1)[0][0]
