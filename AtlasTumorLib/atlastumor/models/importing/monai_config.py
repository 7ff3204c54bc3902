"""A MONAI configuration as data: references are followed, expressions are never evaluated."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from .fields import Record, as_text

__all__ = ["Config"]

_REFERENCE = re.compile(r"@([\w#:]+)")
_MOST_LEVELS = 32
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class Config:
    """What a configuration file says.

    Args:
        values: All of it.
        where: Its name.
    """

    values: Mapping[str, Any]
    where: str

    def resolve(self, value: Any, key: str) -> Any:
        """Follow the references in a value.

        Args:
            value: As the file has it.
            key: What people call it.

        Returns:
            The value, lists and tables resolved all the way down.

        Raises:
            InputError: If part of it is an expression, refers to nothing or to itself, or grows
                beyond all measure by what it refers to.
        """
        return self._resolve(value, key, 0, itertools.count())

    def follow(self, value: Any, key: str) -> Any:
        """Follow a value that is a reference, and leave what it refers to as it is.

        Args:
            value: As the file has it.
            key: What people call it.

        Returns:
            The value itself, or that at the end of its references.

        Raises:
            InputError: If it is an expression, or refers to nothing or to itself.
        """
        for _ in range(_MOST_LEVELS):
            if not _is_reference(value):
                return value
            value = self._follow(value, key)
        raise self._endless(key)

    def table(self, key: str, wanted: Collection[str]) -> Record:
        """Resolve what matters of one of the file's tables.

        Args:
            key: Its key.
            wanted: Keys within the table; others may be programs.

        Returns:
            The table.

        Raises:
            InputError: If it is not there, or `resolve` refuses one of the values.
        """
        value = self.follow(self.values.get(key), key)
        if not isinstance(value, Mapping):
            msg = f"{self.where} has no table '{key}'."
            raise InputError(msg)
        part = {name: item for name, item in value.items() if name in wanted}
        return Record(self.resolve(part, key), f"'{key}' of {self.where}")

    def _resolve(self, value: Any, key: str, depth: int, seen: Iterator[int]) -> Any:
        if depth > _MOST_LEVELS or next(seen) > _MOST_VALUES:
            raise self._endless(key)
        if isinstance(value, Mapping):
            items = value.items()
            return {k: self._resolve(v, f"{key}.{k}", depth + 1, seen) for k, v in items}
        if isinstance(value, list):
            return [self._resolve(item, key, depth + 1, seen) for item in value]
        if _is_reference(value):
            return self._resolve(self._follow(value, key), key, depth + 1, seen)
        return value

    def _endless(self, key: str) -> InputError:
        where = f"'{as_text(key)}' of {self.where}"
        return InputError(f"{where} refers to itself, or grows beyond all measure.")

    def _follow(self, text: str, key: str) -> Any:
        """What a plain reference points at."""
        found = _REFERENCE.fullmatch(text.strip())
        if found is None:
            msg = (
                f"'{as_text(key)}' of {self.where} is a program, '{as_text(text)}'; it is not run. "
                "Put its value there."
            )
            raise InputError(msg)
        place: Any = self.values
        for part in re.split(r"::|#", found[1]):
            is_item = isinstance(place, list) and part.isdigit() and int(part) < len(place)
            if not is_item and not (isinstance(place, Mapping) and part in place):
                msg = (
                    f"'{as_text(key)}' of {self.where} refers to '{as_text(found[1])}', which is "
                    "not there."
                )
                raise InputError(msg)
            place = place[int(part)] if is_item else place[part]
        return place


def _is_reference(value: Any) -> bool:
    """Whether a value stands for another: a reference, an expression or a file."""
    return isinstance(value, str) and value[:1] in {"@", "$", "%"}
