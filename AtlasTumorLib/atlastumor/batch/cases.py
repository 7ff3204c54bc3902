"""What a cohort is made of: cases, and the problems of those that do not count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

__all__ = [
    "Case",
    "Cohort",
    "Problem",
    "collect_problems",
    "list_some",
    "merge_problems",
    "say_none_usable",
]

_MOST_NAMED = 3


@dataclass(frozen=True)
class Case:
    """A prediction and its reference.

    Args:
        name: The same on both sides.
        prediction: Its folder, or its label map.
        reference: Its folder, or its label map.
        organs: Keys of the organs asked for by name; empty for all that there are.
    """

    name: str
    prediction: Path
    reference: Path
    organs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Why a case, or one organ of it, does not count.

    Args:
        case: Its name.
        message: What is wrong and what to do, in a sentence.
    """

    case: str
    message: str


@dataclass(frozen=True)
class Cohort:
    """The cases that have both sides.

    Args:
        cases: By name.
        problems: Of all others, by name.
    """

    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]


@contextmanager
def collect_problems(case: Case, problems: list[Problem]) -> Iterator[None]:
    """Turn what is wrong with the data of one case into a problem, and go on.

    Args:
        case: The case at work.
        problems: Added to.

    Yields:
        Nothing.
    """
    try:
        yield
    except InputError as error:
        problems.append(Problem(case.name, str(error)))


def merge_problems(case: Case, messages: Iterable[tuple[str, str]]) -> tuple[Problem, ...]:
    """Say what is wrong with several organs of a case, and what is wrong with all alike but once.

    Args:
        case: The case.
        messages: Organ key and what is wrong with it.

    Returns:
        One problem per different message, in order.
    """
    organs: dict[str, list[str]] = {}
    for organ, message in messages:
        organs.setdefault(message, []).append(organ)
    return tuple(Problem(case.name, f"{', '.join(of)}: {text}") for text, of in organs.items())


def say_none_usable(problems: Sequence[Problem]) -> str:
    """Say that no case can be used, and name the first.

    Args:
        problems: At least one for each case.

    Returns:
        A sentence for an error.
    """
    first, n = problems[0], len({problem.case for problem in problems})
    return f"None of {n} cases can be used. The first: {first.case}: {first.message}"


def list_some(names: Sequence[str]) -> str:
    """List the first few of many names, and say how many more there are.

    Args:
        names: At least one.

    Returns:
        Such as "a, b, c and 4 more".
    """
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
