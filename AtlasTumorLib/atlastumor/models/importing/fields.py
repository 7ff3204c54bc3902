"""Values out of a stranger's configuration: of the right kind, or a sentence that names the key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ...errors import InputError

__all__ = ["Record", "as_numbers", "as_text", "list_some", "read_count"]

_T = TypeVar("_T")
_NAMES: Mapping[type, str] = {str: "text", bool: "true or false", list: "a list", int: "a number"}


@dataclass(frozen=True)
class Record:
    """A table of a configuration.

    Args:
        values: What it holds; data only.
        where: What people call it, such as "plans.json".
    """

    values: Mapping[str, Any]
    where: str

    def __contains__(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.values.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        """The keys."""
        return iter(self.values)

    def read(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        """Read one value.

        Args:
            key: Its key.
            kind: Its type.
            default: What stands for an absent value or null; None if there must be one.

        Returns:
            The value.

        Raises:
            InputError: If it is absent or of another type.
        """
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            found = "is missing" if value is None else f"is {_show(value)}"
            msg = f"'{key}' of {self.where} {found}; {_NAMES.get(kind, 'a table')} is needed."
            raise InputError(msg)
        return value

    def record(self, key: str) -> Record:
        """Read a table within this one, as `read` does."""
        return Record(self.read(key, Mapping), f"'{key}' of {self.where}")  # type: ignore[type-abstract]

    def numbers(self, key: str, n: int = 3) -> list[float]:
        """Read a list of `n` numbers, as `read` does."""
        return as_numbers(self.values.get(key), f"'{key}' of {self.where}", n)

    def number(self, key: str) -> float:
        """Read one number, as `read` does."""
        return as_numbers([self.values.get(key)], f"'{key}' of {self.where}", 1)[0]


def as_numbers(value: Any, where: str, n: int) -> list[float]:
    """Take a list of numbers for what it should be.

    Args:
        value: Lists, tuples and small arrays of numbers pass.
        where: What people call it.
        n: How many there must be.

    Returns:
        The numbers; whole ones as int.

    Raises:
        InputError: If it is anything else.
    """
    items = list(value) if hasattr(value, "__len__") and not isinstance(value, (str, dict)) else []
    numbers = [item.item() if hasattr(item, "item") else item for item in items]
    good = [x for x in numbers if isinstance(x, (int, float)) and not isinstance(x, bool)]
    if len(good) != n or len(numbers) != n:
        wanted = "a number" if n == 1 else f"{n} numbers"
        msg = f"{where} is {_show(value)}; {wanted} is needed."
        raise InputError(msg)
    return [int(x) if float(x).is_integer() else float(x) for x in good]


def read_count(value: Any, where: str, most: int) -> int:
    """Take a value for a count of layers, outputs and the like.

    Args:
        value: A whole number, of any kind.
        where: What people call it.
        most: The largest that a network here can have; more would fill the memory.

    Returns:
        The number.

    Raises:
        InputError: If it is anything else.
    """
    number = as_numbers([value], where, 1)[0]
    if not isinstance(number, int) or not 1 <= number <= most:
        msg = f"{where} is {_show(number)}; a whole number from 1 to {most} is needed."
        raise InputError(msg)
    return number


def list_some(names: Iterable[str], most: int = 8) -> str:
    """Name a few things in a sentence.

    Args:
        names: Of any length and number.
        most: How many are named.

    Returns:
        The first ones, shortened and in quotes, and how many more there are.
    """
    every = list(names)
    shown = ", ".join(f"'{as_text(name)}'" for name in every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown or "none"


def as_text(value: Any, most: int = 100) -> str:
    """Show a stranger's value in a sentence.

    Args:
        value: Anything.
        most: How many letters are shown.

    Returns:
        Its beginning, without what would steer a terminal.
    """
    return "".join(letter for letter in str(value)[:most] if letter.isprintable())


def _show(value: Any) -> str:
    return repr(value) if isinstance(value, (int, float)) else f"'{as_text(value)}'"
