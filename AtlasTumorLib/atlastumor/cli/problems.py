"""What is wrong with the cases of a cohort, each said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from .console import Console

if TYPE_CHECKING:
    from ..batch.cases import Problem

__all__ = ["tell_problems"]


def tell_problems(problems: Sequence[Problem], console: Console, *, is_any_usable: bool) -> None:
    """Say why cases do not count; the first that failed is the error if none is left.

    Args:
        problems: By case.
        console: Where to say it.
        is_any_usable: Whether anything was measured.

    Raises:
        InputError: If nothing was.
    """
    from ..batch.cases import say_none_usable  # noqa: PLC0415 - pulls in scipy

    for problem in problems if is_any_usable else problems[1:]:
        console.note(f"{problem.case}: {problem.message}")
    if not is_any_usable:
        raise InputError(say_none_usable(problems))
