"""Predictions and references of many cases: which there are, and what each says of an organ.

The layouts are those of `layouts.py`. A mask of zeros says that there is no tumor; a mask that is
missing says nothing, and its organ is not measured in this case. A label map says nothing of an
organ of which it holds neither organ nor tumor, unless the organ was asked for by name. What cannot
be used is a problem of its case; the other cases count.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from ..organs import KEYS, select_organs
from ..scans.input_files import make_text, name_of
from .cases import Case, Cohort, Problem, collect_problems
from .layouts import list_places, predicted_organs
from .reading import (
    Pair,
    organs_of,
    read_pair,
    read_prediction,
    read_probability,
    read_reference,
)

__all__ = [
    "Case",
    "Cohort",
    "Pair",
    "Problem",
    "collect_problems",
    "find_cases",
    "organs_of",
    "read_pair",
    "read_prediction",
    "read_probability",
    "read_reference",
]


def find_cases(
    predictions: Path, references: Path, *, organs: Iterable[str] | None = None
) -> Cohort:
    """Pair the predictions of one folder with the references of another, by name.

    Args:
        predictions: Folder of predictions.
        references: Folder of references.
        organs: Keys of the organs that count; a label map then speaks of them even where it holds
            none of their labels. None takes all that the references outline.

    Returns:
        The pairs, and what stands alone, twice, or lacks an organ that the others have.

    Raises:
        InputError: If a folder cannot be read or no prediction has a reference.
        UnknownKeyError: If a key names no organ.
    """
    asked = () if organs is None else tuple(organ.key for organ in select_organs(organs))
    problems: list[Problem] = []
    predicted, wanted = list_places(predictions), list_places(references)
    cases = []
    for name in sorted({*predicted, *wanted}):
        sides = predicted.get(name, []), wanted.get(name, [])
        message = _say_unpaired(*sides, name_of(predictions), name_of(references))
        shown = make_text(name)
        if message:
            problems.append(Problem(shown, message))
        else:
            cases.append(Case(shown, sides[0][0], sides[1][0], asked))
    if not cases:
        msg = (
            f"No prediction in {name_of(predictions)} has a reference of the same name in "
            f"{name_of(references)}. Name them alike, such as 'CASE' or 'CASE.nii.gz' in both."
        )
        raise InputError(msg)
    problems += _find_gaps(cases)
    return Cohort(tuple(cases), tuple(sorted(problems, key=lambda problem: problem.case)))


def _say_unpaired(
    predicted: list[Path], wanted: list[Path], predictions: str, references: str
) -> str:
    """Why two sides make no pair; empty if they do."""
    for paths, where in ((predicted, predictions), (wanted, references)):
        if len(paths) > 1:
            names = " and ".join(name_of(path) for path in paths)
            return f"It is in {where} more than once, as {names}; keep one."
    if not predicted:
        return f"It has no prediction in {predictions}; add one."
    return "" if wanted else f"It has no reference in {references}; add one."


def _find_gaps(cases: list[Case]) -> list[Problem]:
    """Cases without any prediction, or without one of an organ that other cases predict."""
    problems: list[Problem] = []
    predicted: dict[str, frozenset[str]] = {}
    for case in cases:
        with collect_problems(case, problems):
            predicted[case.name] = predicted_organs(case.prediction)[1]
    everywhere = frozenset().union(*predicted.values())
    asked = cases[0].organs or KEYS
    for name, keys in predicted.items():
        missing = [key for key in asked if key in everywhere - keys]
        if not keys:
            problems.append(Problem(name, "Its folder holds no prediction; see the layouts."))
        elif missing:
            text = f"It lacks a prediction of {', '.join(missing)} tumors, which other cases have."
            problems.append(Problem(name, text))
    return problems
