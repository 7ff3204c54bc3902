"""A cohort of healthy scans into one with synthetic tumors, case by case.

    CASE/...                      each case in AbdomenAtlas's layout; see `synthetic_case.py`
    nnunet/DatasetNNN_Name/...    the same as raw data of nnU-Net v2; see `nnunet.py`
    cohort.json                   settings, acceptance rates, cases and problems

A case is complete or absent, and its bytes follow from recipe, name and input alone, its files'
times included. Called again with the same recipe, a run that was broken off goes on with the cases
that are missing, and makes those again whose input has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, OutOfMemoryError
from ..progress import CancelToken, Progress, ignore_progress, part_of
from .cases import Problem, say_none_usable
from .growing import Recipe, grow_tumors
from .healthy import HealthyCase, look_at_files, read_healthy
from .nnunet import add_case, list_images, name_dataset, remove_case, write_dataset
from .synthetic_case import describe_file, read_case, write_case
from .synthetic_record import Acceptance, SyntheticCohort, open_folder, speaking_of, write_record

__all__ = ["Acceptance", "SyntheticCohort", "make_cohort"]

_NNUNET = "nnunet"


@dataclass(frozen=True, eq=False)
class _Run:
    """What all cases of a run share."""

    directory: Path
    dataset: Path
    recipe: Recipe
    cancel: CancelToken
    changed: list[str] = field(default_factory=list)


def make_cohort(
    cases: Sequence[HealthyCase],
    directory: Path,
    recipe: Recipe,
    *,
    dataset_id: int = 900,
    problems: Sequence[Problem] = (),
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> SyntheticCohort:
    """Grow tumors in healthy scans and write them.

    Args:
        cases: The scans.
        directory: Must not exist, be empty, or hold a cohort of the same recipe, whose finished
            cases are then left as they are unless size or time of their input have changed.
        recipe: What to draw, with what.
        dataset_id: Of the nnU-Net data set, 1 to 999.
        problems: Cases that were found to be unusable before.
        progress: Told how far it is.
        cancel: Stops the work; finished cases stay.

    Returns:
        The cases, and the problems of those that are missing, or made before of other scans.

    Raises:
        InputError: If no case could be made.
        OutputError: If the folder cannot be written to, or holds something else.
        Cancelled: If `cancel` was set.
    """
    settings = recipe.record() | {"dataset_id": dataset_id}
    name = name_dataset(dataset_id)
    with speaking_of(directory):
        directory = open_folder(directory, settings)
    run = _Run(directory, directory / _NNUNET / name, recipe, cancel or CancelToken())
    known = {one.name for one in cases} | {one.case for one in problems}
    found = [*problems, *_list_left(run.dataset, known)]
    records = list(_make_cases(cases, run, found, progress))
    found.sort(key=lambda problem: problem.case)
    if not records:
        raise InputError(_say_nothing_made(found))
    with speaking_of(directory):
        dataset = write_dataset(run.dataset, recipe.settings.rows)
        record, rates = write_record(directory, settings, records, found)
    progress(1.0, "Writing cases")
    files, changed = (record, dataset), tuple(run.changed)
    return SyntheticCohort(directory, tuple(records), tuple(found), rates, files, changed)


def _list_left(dataset: Path, known: set[str]) -> Iterator[Problem]:
    """Tell of the data set's cases whose scans are not among those given: they still count."""
    for name in list_images(dataset):
        if name not in known:
            text = (
                "It was made before, and its scan is not there any more; it is still in the data "
                f"set. Put the scan back, or delete the case's folder and its files in '{_NNUNET}'."
            )
            yield Problem(name, text)


def _make_cases(
    cases: Sequence[HealthyCase], run: _Run, problems: list[Problem], progress: Progress
) -> Iterator[dict[str, Any]]:
    """Give the record of each case that is finished or can be made; add others' problems."""
    for number, case in enumerate(sorted(cases, key=lambda case: case.name)):
        run.cancel.check()
        part = part_of(progress, number / len(cases), (number + 1) / len(cases))
        try:
            record = _make_case(case, run, part)
        except (InputError, OutOfMemoryError) as error:
            problems.append(Problem(case.name, str(error)))
        except MemoryError:
            text = "It does not fit into memory. Close programs, or crop the scan."
            problems.append(Problem(case.name, text))
        else:
            with speaking_of(run.directory):
                _add_to_dataset(case.name, run, record)
            yield record


def _make_case(case: HealthyCase, run: _Run, progress: Progress) -> dict[str, Any]:
    """Make a case unless it is finished, from the input as it is now; its record."""
    if case.name == _NNUNET:
        msg = f"A case cannot be called '{_NNUNET}', as the data set's folder is; rename it."
        raise InputError(msg)
    folder = run.directory / case.name
    finished, look = read_case(folder), look_at_files(case)
    if finished is not None and _is_made_from(finished, look):
        return finished
    reading, growing = part_of(progress, 0.0, 0.4), part_of(progress, 0.4, 0.9)
    healthy = read_healthy(case, run.recipe.critic, progress=reading, cancel=run.cancel)
    grown = grow_tumors(
        case.name,
        healthy.scan,
        healthy.labels,
        run.recipe,
        progress=growing,
        cancel=run.cancel,
    )
    run.cancel.check()
    progress(0.9, "Writing cases")
    with speaking_of(run.directory):
        remove_case(run.dataset, case.name)  # killed before the end, a run finds that it is missing
    record = write_case(folder, case.name, healthy, grown, run.recipe, look=look)
    run.changed.extend([] if finished is None else [case.name])
    return record


def _is_made_from(record: Mapping[str, Any], look: Mapping[str, int]) -> bool:
    """Whether an input looks as it did; records of earlier versions do not say how."""
    told = record.get("input", {})
    return all(told.get(key, value) == value for key, value in look.items())


def _add_to_dataset(name: str, run: _Run, record: Mapping[str, Any]) -> None:
    """Add a finished case to the nnU-Net data set."""
    folder = run.directory / name
    add_case(
        run.dataset,
        name,
        scan=folder / "ct.nii.gz",
        labels=folder / "labels.nii.gz",
        organs=run.recipe.settings.rows,
        record=describe_file(name, is_synthetic=record["synthetic"]),
    )


def _say_nothing_made(problems: Sequence[Problem]) -> str:
    if not problems:
        return "There is no case to grow tumors in."
    return say_none_usable(problems)
