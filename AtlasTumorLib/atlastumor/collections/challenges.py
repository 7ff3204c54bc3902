"""Data sets of challenges, whose layout and numbers are known rather than told.

    KiTS      case_NNNNN/imaging.nii.gz, segmentation.nii.gz (21: aggregated_MAJ_seg.nii.gz)
    LiTS      volume-N.nii and segmentation-N.nii, in one folder or in batches below it
    FLARE21   TrainingImg/train_NNN_0000.nii.gz and TrainingMask/train_NNN.nii.gz
    FLARE22   images/FLARE22_Tr_NNNN_0000.nii.gz and labels/FLARE22_Tr_NNNN.nii.gz
    FLARE23   imagesTr*/FLARE23_NNNN_0000.nii.gz and labelsTr*/FLARE23_NNNN.nii.gz
    AMOS      imagesTr/amos_NNNN.nii.gz and labelsTr/amos_NNNN.nii.gz, and the same with Va

Numbers of organs and tumors are in `organs.py`.

Source:
    Heller et al., arXiv 2307.01984 (KiTS); Bilic et al., Medical Image Analysis 2023 (LiTS); Ma et
    al., Medical Image Analysis 2022, Lancet Digital Health 2024 and arXiv 2408.12534 (FLARE 21 to
    23); Ji et al., NeurIPS 2022, and the data set's readme (AMOS).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ..batch.cases import Problem
from ..batch.volumes import read_integers
from ..components import find_boxes
from .cases import UNKNOWN, Annotation, Collection, find_whole_organs
from .numbers import Numbering, number_by_alias
from .pairs import find_folder_pairs, find_within, list_files, pair_files

__all__ = [
    "is_amos",
    "is_flare",
    "is_kits",
    "is_lits",
    "read_amos",
    "read_flare",
    "read_kits",
    "read_lits",
]

_KITS_LABELS = ("segmentation", "aggregated_MAJ_seg")
_KITS_CASE = "case_*"
_LITS_SCAN, _LITS_LABEL = "volume-", "segmentation-"
_ENDINGS = (".nii.gz", ".nii")
_FLARE_CASE = {"flare21": r"train_\d+", "flare22": r"FLARE22_Tr_\d+", "flare23": r"FLARE23_\d+"}
_FLARE_HIGHEST = {"flare21": 4, "flare22": 13, "flare23": 13}
_FLARE_TUMOR = 14
_AMOS_CASE = r"amos_\d+"
_AMOS_HIGHEST = 15
_LAST_CT = 500


def is_kits(root: Path) -> bool:
    """Tell whether a folder holds KiTS."""
    return any(_find_kits(path, ["imaging", *_KITS_LABELS]) for path in root.glob(_KITS_CASE))


def read_kits(root: Path) -> Collection:
    """Read KiTS: kidneys, and their tumors and cysts as lesions; sides by where they lie.

    Args:
        root: The folder of `case_NNNNN`.

    Returns:
        Its cases.
    """
    places = sorted(path for path in root.glob(_KITS_CASE) if path.is_dir())
    scans = {path.name: _find_kits(path, ["imaging"]) for path in places}
    labels = {path.name: _find_kits(path, _KITS_LABELS)[:1] for path in places}
    return pair_files(scans, labels, lambda _: number_by_alias("kits", 3))


def _find_kits(place: Path, stems: Iterable[str]) -> list[Path]:
    paths = (place / f"{stem}{ending}" for stem in stems for ending in _ENDINGS)
    return [path for path in paths if path.is_file()]


def is_lits(root: Path) -> bool:
    """Tell whether a folder holds LiTS."""
    return bool(_list_lits(root, _LITS_LABEL))


def read_lits(root: Path) -> Collection:
    """Read LiTS: the liver and its tumors.

    Args:
        root: The folder above all volumes and segmentations.

    Returns:
        Its cases; test volumes, which have no segmentation, are problems.
    """
    scans, labels = (_list_lits(root, prefix) for prefix in (_LITS_SCAN, _LITS_LABEL))
    return pair_files(scans, labels, lambda _: number_by_alias("lits", 2))


def _list_lits(root: Path, prefix: str) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for path in find_within(root, f"{prefix}*.nii*"):
        number = path.name.removeprefix(prefix).split(".")[0]
        if number.isdecimal() and path.name.endswith(_ENDINGS):
            files.setdefault(f"{_LITS_SCAN}{number}", []).append(path)
    return files


def is_flare(root: Path, year: str) -> bool:
    """Tell whether a folder holds FLARE.

    Args:
        root: The folder.
        year: "flare21", "flare22" or "flare23".

    Returns:
        Whether its label maps are named as in that year.
    """
    return _holds(root, _FLARE_CASE[year])


def read_flare(root: Path, year: str) -> Collection:
    """Read FLARE: organs; from 2023 on partly annotated, with tumors of organs left unnamed.

    Args:
        root: The folder above images and labels.
        year: "flare21", "flare22" or "flare23".

    Returns:
        Its cases.

    Raises:
        InputError: If a folder of it is empty.
    """
    numbering = number_by_alias("flare22" if year == "flare23" else year, _FLARE_HIGHEST[year])
    if year != "flare23":
        return _read_pairs(root, lambda _: numbering)
    note = (
        "FLARE 2023 annotates some organs of each scan and does not say which: those that occur in "
        "its label map are taken as annotated, others not. Its tumors (14) are one class without "
        "an organ: their voxels are left out of every loss, and no organ's tumors are annotated."
    )
    values = {**numbering.values, _FLARE_TUMOR: (UNKNOWN,)}
    return _read_pairs(root, partial(_number_present, values=values, note=note))


def _number_present(path: Path, *, values: dict[int, tuple[int, ...]], note: str) -> Numbering:
    """Take as annotated what occurs in a label map."""
    present = {
        ours for value in find_boxes(read_integers(path)[0]) for ours in values.get(value, ())
    }
    return Numbering(values, Annotation(find_whole_organs(present)), (note,))


def is_amos(root: Path) -> bool:
    """Tell whether a folder holds AMOS."""
    return _holds(root, _AMOS_CASE)


def read_amos(root: Path) -> Collection:
    """Read AMOS: organs without their tumors; 15, prostate or uterus, is nothing of ours.

    Args:
        root: The folder above images and labels.

    Returns:
        Its CT cases; those of MR are problems.

    Raises:
        InputError: If a folder of it is empty.
    """
    found = _read_pairs(root, lambda _: number_by_alias("amos", _AMOS_HIGHEST))
    is_mr = {case.id: _is_mr(case.id) for case in found.cases}
    message = f"It is MR: AMOS numbers CT up to {_LAST_CT}."
    problems = [Problem(name, message) for name, value in is_mr.items() if value]
    cases = tuple(case for case in found.cases if not is_mr[case.id])
    return Collection(cases, (*found.problems, *problems), found.notes)


def _is_mr(name: str) -> bool:
    return re.fullmatch(_AMOS_CASE, name) is not None and int(name.split("_")[1]) > _LAST_CT


def _holds(root: Path, pattern: str) -> bool:
    """Whether any label map below is named so."""
    files = (path for _, labels in find_folder_pairs(root) for path in labels.iterdir())
    return any(re.fullmatch(rf"{pattern}\.nii(\.gz)?", path.name) for path in files)


def _read_pairs(root: Path, number: Callable[[Path], Numbering]) -> Collection:
    """Join all folders of scans with the folders of label maps beside them."""
    scans: dict[str, list[Path]] = {}
    labels: dict[str, list[Path]] = {}
    for pair in find_folder_pairs(root):
        for files, folder in zip((scans, labels), pair, strict=True):
            for name, paths in list_files(folder).items():
                files.setdefault(name, []).extend(paths)
    return pair_files(scans, labels, number)
