"""A cohort as raw data of nnU-Net v2, for those who train there; the result imports back.

What a case is not annotated for gets nnU-Net's label "ignore": its background, unless all organs
and tumors asked for are annotated, and tumors of unknown organs. nnU-Net's loss leaves it out.

Source:
    nnU-Net v2, documentation/dataset_format.md and documentation/ignore_label.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..batch.cases import Problem
from ..batch.nnunet import list_classes
from ..collections import UNKNOWN, CollectionCase
from ..collections.load import load_case
from ..errors import InputError, OutputError
from ..organs import Organ, label_names, select_organs
from ..progress import Progress, ignore_progress
from ..results.nifti import write_labels, write_scan
from ..volume import LabelMap
from .cases import read_cases
from .config import TrainingConfig

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
        InputError: If no case can be used.
        OutputError: If it cannot be written, or the data set is there already.
    """
    train, _ = read_cases(config)
    organs = select_organs(
        config.organs or {key for c in train for key in c.annotated.organs | c.annotated.tumors}
    )
    folder = directory / f"Dataset{dataset_id:03d}_AtlasTumorCohort"
    problems: list[Problem] = []
    try:
        for name in ("imagesTr", "labelsTr"):
            (folder / name).mkdir(parents=True)
        for n, case in enumerate(train, start=1):
            try:
                _write_case(folder, case, organs)
            except InputError as error:
                problems.append(Problem(case.id, str(error)))
            progress(n / len(train), "Writing cases")
        if len(problems) == len(train):
            msg = f"No case can be used. The first: {problems[0].case}: {problems[0].message}"
            raise InputError(msg)
        description = _describe(folder, organs, len(train) - len(problems))
    except OSError as error:
        msg = f"{folder.name} cannot be written: {error.strerror}. Name an empty folder."
        raise OutputError(msg) from error
    return ExportedCohort(folder, description, tuple(problems))


def _write_case(folder: Path, case: CollectionCase, organs: tuple[Organ, ...]) -> None:
    scan, labels = load_case(case)
    numbers = label_names(organs)
    ignore = len(numbers) + 1
    table = np.zeros(256, np.uint8)
    table[list(numbers)] = np.arange(1, ignore)
    table[UNKNOWN] = ignore
    wanted = {organ.key for organ in organs}
    if not wanted <= case.annotated.organs & case.annotated.tumors:
        table[0] = ignore
        for organ in organs:  # what nobody looked for may lie in what is outlined
            if organ.key not in case.annotated.tumors:
                table[list(organ.labels)] = ignore
    values = table[labels.array]
    if not ((values > 0) & (values < ignore)).any():
        msg = "Nothing is outlined of which nnU-Net could learn."
        raise InputError(msg)
    names = dict(enumerate([*numbers.values(), "ignore"], start=1))
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in case.id)
    write_labels(
        folder / "labelsTr" / f"{name}.nii.gz",
        LabelMap(values, labels.grid, names),
        record=_RECORD,
    )
    write_scan(folder / "imagesTr" / f"{name}_0000.nii.gz", scan, record=_RECORD)


def _describe(folder: Path, organs: tuple[Organ, ...], n_cases: int) -> Path:
    classes = list_classes(organs)
    content = {
        "name": folder.name.partition("_")[2],
        "description": "A partially labelled cohort, written by AtlasTumor.",
        "channel_names": {"0": "CT"},
        "labels": {**classes, "ignore": len(classes)},
        "numTraining": n_cases,
        "file_ending": ".nii.gz",
    }
    path, part = folder / "dataset.json", folder / ".dataset.part"
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
    return path
