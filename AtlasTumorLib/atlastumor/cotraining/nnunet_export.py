"""A cohort as raw data of nnU-Net v2, for those who train there; the result imports back.

What a case is not annotated for gets nnU-Net's label "ignore": its background, unless all organs
and tumors asked for are annotated, and tumors of unknown organs. nnU-Net's loss leaves it out. What
no case at all is annotated for is no class.

Source:
    nnU-Net v2, documentation/dataset_format.md and documentation/ignore_label.md.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..batch.cases import Problem
from ..collections import UNKNOWN, Annotation, CollectionCase
from ..collections.load import load_case
from ..errors import InputError, OutputError
from ..organs import ORGANS, label_names
from ..progress import Progress, ignore_progress
from ..results.nifti import write_labels, write_scan
from ..volume import LabelMap
from .cases import read_cases
from .config import TrainingConfig
from .learnable import check_taught, find_learnable, list_channels

__all__ = ["ExportedCohort", "export_cohort"]

_RECORD: dict[str, Any] = {"software": "AtlasTumor", "version": __version__}


@dataclass(frozen=True)
class ExportedCohort:
    """What was written.

    Args:
        folder: Of the data set.
        description: Its `dataset.json`.
        problems: Cases that were skipped, and why.
    """

    folder: Path
    description: Path
    problems: tuple[Problem, ...]


def export_cohort(
    config: TrainingConfig,
    directory: Path,
    *,
    dataset_id: int = 901,
    progress: Progress = ignore_progress,
) -> ExportedCohort:
    """Write the training cases of a configuration.

    Args:
        config: Its cohorts and organs.
        directory: As `nnUNet_raw`; the data set's folder is made in it.
        dataset_id: Of the data set, 1 to 999.
        progress: Told after every case.

    Returns:
        What was written.

    Raises:
        InputError: If no case can be used, none is annotated for what is asked for, or two have
            names that would be one file.
        OutputError: If it cannot be written, or the data set is there already.
    """
    train, _ = read_cases(config, progress=progress)
    learnable = find_learnable(train, config.organs)
    names = _name_files(train)
    folder = directory / f"Dataset{dataset_id:03d}_AtlasTumorCohort"
    part = directory / f".{folder.name}.{os.getpid()}.part"
    try:
        if folder.exists():
            msg = f"{folder.name} is there already. Name another folder, or remove it."
            raise OutputError(msg)
        for kind in ("imagesTr", "labelsTr"):
            (part / kind).mkdir(parents=True)
        problems = _write_cases(part, names, learnable, progress)
        _describe(part, folder.name, learnable, len(train) - len(problems))
        part.rename(folder)
    except OSError as error:
        msg = f"{folder.name} cannot be written: {error.strerror}. Name another folder."
        raise OutputError(msg) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return ExportedCohort(folder, folder / "dataset.json", problems)


def _name_files(cases: Sequence[CollectionCase]) -> dict[str, CollectionCase]:
    """Name each case's files; of two names that differ by case only some disks keep one."""
    names: dict[str, CollectionCase] = {}
    taken: dict[str, str] = {}
    for case in cases:
        name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in case.id)
        other = taken.setdefault(name.casefold(), case.id)
        if other != case.id:
            msg = f"'{other}' and '{case.id}' would both be written as '{name}'; rename one."
            raise InputError(msg)
        names[name] = case
    return names


def _write_cases(
    folder: Path, cases: Mapping[str, CollectionCase], learnable: Annotation, progress: Progress
) -> tuple[Problem, ...]:
    problems: list[Problem] = []
    for n, (name, case) in enumerate(cases.items(), start=1):
        try:
            _write_case(folder, name, case, learnable)
        except InputError as error:
            problems.append(Problem(case.id, str(error)))
        progress(n / len(cases), "Writing cases")
    if len(problems) == len(cases):
        msg = f"No case can be used. The first: {problems[0].case}: {problems[0].message}"
        raise InputError(msg)
    skipped = {problem.case for problem in problems}
    kept = [case.annotated for case in cases.values() if case.id not in skipped]
    check_taught(list_channels(learnable), kept, problems)
    return tuple(problems)


def _name_classes(learnable: Annotation) -> dict[int, str]:
    """The labels that are a class, and their names, in the order of their numbers."""
    labels = {label for o in ORGANS if o.key in learnable.organs for label in o.labels}
    labels |= {o.tumor_label for o in ORGANS if o.key in learnable.tumors}
    return {label: name for label, name in label_names().items() if label in labels}


def _write_case(folder: Path, name: str, case: CollectionCase, learnable: Annotation) -> None:
    scan, labels = load_case(case)
    numbers = _name_classes(learnable)
    ignore = len(numbers) + 1
    values = _make_table(case.annotated, learnable)[labels.array]
    if not ((values > 0) & (values < ignore)).any():
        msg = "Nothing is outlined of which nnU-Net could learn."
        raise InputError(msg)
    names = dict(enumerate([*numbers.values(), "ignore"], start=1))
    write_labels(
        folder / "labelsTr" / f"{name}.nii.gz",
        LabelMap(values, labels.grid, names),
        record=_RECORD,
    )
    write_scan(folder / "imagesTr" / f"{name}_0000.nii.gz", scan, record=_RECORD)


def _make_table(annotated: Annotation, learnable: Annotation) -> npt.NDArray[np.uint8]:
    """Map a value of our label maps to its class, for a case annotated so."""
    numbers = _name_classes(learnable)
    ignore = len(numbers) + 1
    table = np.zeros(256, np.uint8)
    table[list(numbers)] = np.arange(1, ignore)
    table[UNKNOWN] = ignore
    if not (learnable.organs <= annotated.organs and learnable.tumors <= annotated.tumors):
        table[0] = ignore
    for organ in ORGANS:
        is_class = organ.key in learnable.organs
        if organ.key in learnable.tumors - annotated.tumors:
            table[list(organ.labels)] = ignore  # what nobody looked for may lie in it
        elif is_class and organ.key not in learnable.tumors:
            halves = organ.labels  # a tumor does not say which of them it is part of
            table[organ.tumor_label] = ignore if len(halves) > 1 else table[halves[0]]
    return table


def _describe(folder: Path, name: str, learnable: Annotation, n_cases: int) -> None:
    names = ["background", *_name_classes(learnable).values(), "ignore"]
    content = {
        "name": name.partition("_")[2],
        "description": "A partially labelled cohort, written by AtlasTumor.",
        "channel_names": {"0": "CT"},
        "labels": {name: n for n, name in enumerate(names)},
        "numTraining": n_cases,
        "file_ending": ".nii.gz",
    }
    text = json.dumps(content, indent=2) + "\n"
    (folder / "dataset.json").write_text(text, encoding="utf-8")
