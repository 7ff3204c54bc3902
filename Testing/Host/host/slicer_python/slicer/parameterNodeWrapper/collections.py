"""A list and a dictionary that write themselves back into the parameter node when changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence
from typing import Any

__all__ = ["ObservedDict", "ObservedList"]


class ObservedList(MutableSequence[Any]):
    """A list in a parameter node; one change is one event, and a refused one changes nothing."""

    def __init__(self, values: list[Any], save: Callable[[list[Any]], list[Any]]) -> None:
        """Hold `values`; `save` stores new ones and gives them as they were stored."""
        self._values, self._save = values, save

    def _edit(self, change: Callable[[list[Any]], Any]) -> Any:
        values = list(self._values)
        result = change(values)
        self._values = self._save(values)
        return result

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._edit(lambda values: values.__setitem__(index, value))

    def __delitem__(self, index: Any) -> None:
        self._edit(lambda values: values.__delitem__(index))

    def insert(self, index: int, value: Any) -> None:
        """Insert a value before `index`."""
        self._edit(lambda values: values.insert(index, value))

    def extend(self, values: Iterable[Any]) -> None:
        """Append many."""
        self._edit(lambda own: own.extend(values))

    def __iadd__(self, values: Iterable[Any]) -> ObservedList:  # type: ignore[override, misc]
        self.extend(values)
        return self

    def clear(self) -> None:
        """Remove all."""
        self._edit(lambda values: values.clear())

    def sort(self, **options: Any) -> None:
        """Sort in place."""
        self._edit(lambda values: values.sort(**options))

    def reverse(self) -> None:
        """Turn the order around."""
        self._edit(lambda values: values.reverse())

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ObservedList({self._values})"


class ObservedDict(MutableMapping[Any, Any]):
    """A dictionary in a parameter node; one change is one event."""

    def __init__(
        self, values: dict[Any, Any], save: Callable[[dict[Any, Any]], dict[Any, Any]]
    ) -> None:
        """Hold `values`; `save` stores new ones and gives them as they were stored."""
        self._values, self._save = values, save

    def _edit(self, change: Callable[[dict[Any, Any]], Any]) -> Any:
        values = dict(self._values)
        result = change(values)
        self._values = self._save(values)
        return result

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._edit(lambda values: values.__setitem__(key, value))

    def __delitem__(self, key: Any) -> None:
        self._edit(lambda values: values.__delitem__(key))

    def popitem(self) -> tuple[Any, Any]:
        """Remove the newest pair and give it."""
        return self._edit(lambda values: values.popitem())

    def clear(self) -> None:
        """Remove all."""
        self._edit(lambda values: values.clear())

    def __repr__(self) -> str:
        return f"ObservedDict({self._values})"
