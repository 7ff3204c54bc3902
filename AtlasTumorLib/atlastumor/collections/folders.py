"""Scans with masks or a label map of their own: AbdomenAtlas, and folders of users.

    CASE/ct.nii.gz            with segmentations/<mask>.nii.gz or labels.nii.gz in it, or without
    CASE.nii.gz               with CASE_labels.nii.gz beside it, or without
    ct/CASE/ct.nii.gz         with label/CASE/segmentations/ (AbdomenAtlas 2.0)
    ImageTr/CASE/ct.nii.gz    with LabelTr/CASE/segmentations/, and the same with Te (PanTS)
    image_only/CASE/ct.nii.gz with mask_only/CASE/segmentations/ (AbdomenAtlas 3.0)

A mask that is there annotates, though it be all zero; one that is not says nothing. A label map in
AbdomenAtlas 2.0's numbers annotates what occurs in it. Where masks overlap, tumors count.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from ..batch.cases import Problem
from ..batch.healthy import HealthyCase, find_healthy
from ..batch.layouts import SEGMENTATIONS, find_masks, find_tumor_masks, list_places
from ..batch.volumes import HIGHEST_LABEL, read_integers
from ..components import find_boxes
from ..errors import InputError
from ..organs import ORGANS, label_names
from ..scans.input_files import name_of
from .cases import UNKNOWN, Annotation, Collection, CollectionCase, LabelFile
from .numbers import names_cyst

__all__ = ["is_atlas", "read_folders"]

_SPLIT = (
    *(("ct", "label"), ("image_only", "mask_only")),
    *(("ImageTr", "LabelTr"), ("ImageTe", "LabelTe")),
)
_MAP: dict[int, tuple[int, ...]] = {
    **{n: ((n,) if n in label_names() else ()) for n in range(1, HIGHEST_LABEL + 1)},
    UNKNOWN: (UNKNOWN,),
}


def is_atlas(root: Path) -> bool:
    """Tell whether a folder is laid out as an AbdomenAtlas of any version."""
    return bool(_find_split(root)) or next(root.glob("BDMAP_*/ct.nii*"), None) is not None


def read_folders(root: Path, *, tumors: Container[str] = ()) -> Collection:
    """Read scans with their own masks or label maps.

    Args:
        root: The folder of the cases, or of AbdomenAtlas's `ct` and `label`.
        tumors: Keys of organs whose tumors are outlined wherever a label map outlines the organ; a
            map without a tumor says by itself nothing of tumors.

    Returns:
        Its cases; a scan without masks and label map is one of which nothing is known.

    Raises:
        InputError: If it cannot be read or holds no case.
    """
    cases: list[CollectionCase] = []
    problems: list[Problem] = []
    notes: list[str] = []
    for scans, labels in _find_split(root) or [(root, root)]:
        found, wrong = find_healthy(scans)
        copies = [one.case for one in wrong if _is_nnunet_copy(scans / one.case)]
        problems += [one for one in wrong if one.case not in copies]
        notes += [f"Raw data of nnU-Net, left out: {name}." for name in copies]
        for one in found:
            try:
                place = one.masks or _find_place(one, labels, is_apart=labels != scans)
                cases.append(_read_case(one, place, tumors))
            except InputError as error:
                problems.append(Problem(one.name, str(error)))
        idle = set(list_places(labels)) - {one.name for one in found}
        if idle and labels != scans:
            notes.append(f"Folders in {name_of(labels)} without a scan: {len(idle)}.")
    silent = sum(
        _is_map(case) and not case.annotated.tumors for case in cases if case.annotated.organs
    )
    notes += [_SILENT.format(silent)] if silent else []
    return Collection(tuple(cases), tuple(problems), tuple(notes))


_SILENT = (
    "Label maps in which no tumors count as annotated: {}. A map without a tumor does not say "
    "whether anybody looked for one; if so, name the organs with `tumors`."
)


def _is_nnunet_copy(folder: Path) -> bool:
    """Tell a folder that `synthesize-cohort` leaves beside its cases: the same, for nnU-Net."""
    return next(folder.glob("Dataset*/dataset.json"), None) is not None


def _find_split(root: Path) -> list[tuple[Path, Path]]:
    pairs = [(root / scans, root / labels) for scans, labels in _SPLIT]
    return [pair for pair in pairs if all(folder.is_dir() for folder in pair)]


def _find_place(one: HealthyCase, labels: Path, *, is_apart: bool) -> Path:
    """The folder of a case's masks, which must be there if it is apart from the scan's."""
    place = labels / one.name
    if is_apart and not (place / SEGMENTATIONS).is_dir():
        msg = f"It has no masks in {name_of(labels)}; add them, or remove the scan."
        raise InputError(msg)
    return place


def _is_map(case: CollectionCase) -> bool:
    return any(file.values.keys() == _MAP.keys() for file in case.labels)


def _read_case(one: HealthyCase, place: Path, tumors: Container[str]) -> CollectionCase:
    if one.labels is not None:
        annotated = _read_annotation(one.labels, tumors)
        return CollectionCase(one.name, one.scan, (LabelFile(one.labels, _MAP),), annotated)
    if (place / SEGMENTATIONS).is_dir():
        files, annotated = _list_masks(place)
        return CollectionCase(one.name, one.scan, files, annotated)
    return CollectionCase(one.name, one.scan)


def _read_annotation(path: Path, tumors: Container[str]) -> Annotation:
    """What occurs in a label map, one kidney too, and the tumors that its owner vouches for."""
    present = set(find_boxes(read_integers(path)[0]))
    organs = {organ.key for organ in ORGANS if present & set(organ.labels)}
    found = {organ.key for organ in ORGANS if organ.tumor_label in present}
    vouched = {key for key in organs if key in tumors}
    return Annotation(frozenset(organs), frozenset(found | vouched))


def _list_masks(place: Path) -> tuple[tuple[LabelFile, ...], Annotation]:
    """Masks of all organs, then of all tumors; an organ counts if all its parts are there.

    Cysts have the label of a tumor, but whoever drew them alone did not look for tumors.
    """
    organs, tumors, files = set(), set(), []
    for organ in ORGANS:
        parts = [find_masks(place, [stem]) for stem in organ.organ_files]
        for label, paths in zip(organ.labels, parts, strict=True):
            files += [_mask(path, label) for path in paths]
        organs |= {organ.key} if all(parts) else set()
    for organ in ORGANS:
        paths = find_tumor_masks(place, organ)
        files += [_mask(path, organ.tumor_label) for path in paths]
        tumors |= {organ.key} if not all(names_cyst(path.name) for path in paths) else set()
    if not files:
        msg = f"Its folder {name_of(place / SEGMENTATIONS)} holds no mask of an organ of ours."
        raise InputError(msg)
    return tuple(files), Annotation(frozenset(organs), frozenset(tumors))


def _mask(path: Path, label: int) -> LabelFile:
    return LabelFile(path, {1: (label,), 255: (label,)})
