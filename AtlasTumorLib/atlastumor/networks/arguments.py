"""Reading a builder's arguments out of a card: known keys, whole numbers, sane bounds.

A card may come from anywhere, and a careless or hostile number must end in a sentence, not in
all the memory of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import CardError

__all__ = [
    "fill_defaults",
    "read_choice",
    "read_flag",
    "read_number",
    "read_numbers",
    "read_triple",
    "read_triples",
]


def fill_defaults(args: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Complete arguments, refusing unknown ones.

    Args:
        args: What the card gives.
        defaults: Every known key and its value when absent.

    Returns:
        Both together.

    Raises:
        CardError: If a key is not among the defaults.
    """
    for key in args:
        if key not in defaults:
            msg = f"network.args.{key} is not known; known are {', '.join(sorted(defaults))}."
            raise CardError(msg)
    return {**defaults, **args}


def read_flag(value: Any, key: str) -> bool:
    """Read a yes or no.

    Args:
        value: As the card gives it.
        key: Its name within `network.args`, for the message.

    Returns:
        The value.

    Raises:
        CardError: If it is anything but true or false.
    """
    if not isinstance(value, bool):
        msg = f"network.args.{key} must be true or false, not {value!r}."
        raise CardError(msg)
    return value


def read_choice(value: Any, key: str, choices: Iterable[str]) -> str:
    """Read one of a few words.

    Args:
        value: As the card gives it.
        key: Its name within `network.args`, for the message.
        choices: The words that are known.

    Returns:
        The word.

    Raises:
        CardError: If it is none of them.
    """
    known = sorted(choices)
    if not isinstance(value, str) or value not in known:
        msg = f"network.args.{key} must be one of {', '.join(known)}, not {value!r}."
        raise CardError(msg)
    return value


def read_number(value: Any, key: str, *, low: int, high: int) -> int:
    """Read a whole number.

    Args:
        value: As the card gives it.
        key: Its name within `network.args`, for the message.
        low: Least allowed.
        high: Largest allowed.

    Returns:
        The number.

    Raises:
        CardError: If it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        msg = f"network.args.{key} must be a whole number from {low} to {high}, not {value!r}."
        raise CardError(msg)
    return value


def read_numbers(
    value: Any, key: str, *, n: tuple[int, int], low: int, high: int
) -> tuple[int, ...]:
    """Read a list of whole numbers.

    Args:
        value: As the card gives it.
        key: Its name within `network.args`, for the message.
        n: (fewest, most) items.
        low: Least allowed item.
        high: Largest allowed item.

    Returns:
        The numbers.

    Raises:
        CardError: If it is anything else.
    """
    if not isinstance(value, (list, tuple)) or not n[0] <= len(value) <= n[1]:
        wanted = str(n[0]) if n[0] == n[1] else f"{n[0]} to {n[1]}"
        msg = f"network.args.{key} must be a list of {wanted} items, not {value!r}."
        raise CardError(msg)
    return tuple(
        read_number(item, f"{key}[{i}]", low=low, high=high) for i, item in enumerate(value)
    )


def read_triple(value: Any, key: str, *, low: int, high: int) -> tuple[int, int, int]:
    """Read a triple of whole numbers, one along each of (i, j, k).

    Args:
        value: As the card gives it; a number stands for three of it.
        key: Its name within `network.args`, for the message.
        low: Least allowed item.
        high: Largest allowed item.

    Returns:
        The triple.

    Raises:
        CardError: If it is anything else.
    """
    row = [value] * 3 if isinstance(value, int) else value
    i, j, k = read_numbers(row, key, n=(3, 3), low=low, high=high)
    return i, j, k


def read_triples(
    value: Any, key: str, *, n: int, low: int, high: int
) -> tuple[tuple[int, int, int], ...]:
    """Read a list of triples of whole numbers, one along each of (i, j, k).

    Args:
        value: As the card gives it; a number within it stands for three of it.
        key: Its name within `network.args`, for the message.
        n: Number of triples.
        low: Least allowed item.
        high: Largest allowed item.

    Returns:
        The triples.

    Raises:
        CardError: If it is anything else.
    """
    if not isinstance(value, (list, tuple)) or len(value) != n:
        msg = f"network.args.{key} must be a list of {n} triples, not {value!r}."
        raise CardError(msg)
    return tuple(read_triple(row, f"{key}[{i}]", low=low, high=high) for i, row in enumerate(value))
