"""A list and a dictionary that write themselves back into the parameter node when changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from typing import Any

__all__ = ["ObservedDict", "ObservedList"]


class ObservedList(MutableSequence[Any]):
    """A list in a parameter node."""

    def __init__(self, values: list[Any], save: Callable[[list[Any]], None]) -> None:
        """Hold `values`; `save` gets them after every change."""
        self._values, self._save = values, save

    def _store(self, values: list[Any]) -> None:
        self._save(values)
        self._values = values

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)

    def __setitem__(self, index: Any, value: Any) -> None:
        values = list(self._values)
        values[index] = value
        self._store(values)

    def __delitem__(self, index: Any) -> None:
        values = list(self._values)
        del values[index]
        self._store(values)

    def insert(self, index: int, value: Any) -> None:
        """Insert a value before `index`."""
        values = list(self._values)
        values.insert(index, value)
        self._store(values)

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ObservedList({self._values})"


class ObservedDict(MutableMapping[Any, Any]):
    """A dictionary in a parameter node."""

    def __init__(self, values: dict[Any, Any], save: Callable[[dict[Any, Any]], None]) -> None:
        """Hold `values`; `save` gets them after every change."""
        self._values, self._save = values, save

    def _store(self, values: dict[Any, Any]) -> None:
        self._save(values)
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._store({**self._values, key: value})

    def __delitem__(self, key: Any) -> None:
        values = dict(self._values)
        del values[key]
        self._store(values)

    def __repr__(self) -> str:
        return f"ObservedDict({self._values})"
