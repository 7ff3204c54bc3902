"""What can be written beside a parameter's type: its default, its limits, its widget's steps."""

from __future__ import annotations

import abc
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any, get_args

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "SingleStep",
    "Validator",
    "WithinRange",
    "bare_type",
    "first_of",
    "split_annotations",
]


class Default:
    """The default of a parameter: a value, or a function that makes it."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        """Hold `value`, or `generator`, which is called each time the default is needed."""
        self._value, self._generator = value, generator

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Default) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def value(self) -> Any:
        """The default."""
        return self._generator() if self._generator else self._value


@dataclass(frozen=True)
class Decimals:
    """Decimals of the parameter's widget."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of the parameter's widget."""

    value: float


class Validator(abc.ABC):
    """A rule that every value of a parameter obeys."""

    @abc.abstractmethod
    def validate(self, value: Any) -> None:
        """Raise ValueError or TypeError if `value` breaks the rule."""


class NotNone(Validator):
    """Not None."""

    def validate(self, value: Any) -> None:
        """Refuse None."""
        if value is None:
            raise ValueError("The value must not be None")


@dataclass(frozen=True)
class IsInstance(Validator):
    """None, or of a class."""

    classtype: Any

    def validate(self, value: Any) -> None:
        """Refuse other classes."""
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"The value must be a {self.classtype}, not {value!r}")


@dataclass(frozen=True)
class WithinRange(Validator):
    """Between two limits, both allowed."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        """Refuse values outside."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within [{self.minimum}, {self.maximum}]")


@dataclass(frozen=True)
class Minimum(Validator):
    """Not below a limit."""

    minimum: float

    def validate(self, value: Any) -> None:
        """Refuse values below."""
        if value < self.minimum:
            raise ValueError(f"{value} is below {self.minimum}")


@dataclass(frozen=True)
class Maximum(Validator):
    """Not above a limit."""

    maximum: float

    def validate(self, value: Any) -> None:
        """Refuse values above."""
        if value > self.maximum:
            raise ValueError(f"{value} is above {self.maximum}")


@dataclass(frozen=True)
class Choice(Validator):
    """One of the given values."""

    choices: Collection[Any]

    def validate(self, value: Any) -> None:
        """Refuse other values."""
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass(frozen=True)
class Exclude(Validator):
    """None of the given values."""

    excludedValues: Collection[Any]

    def validate(self, value: Any) -> None:
        """Refuse the given values."""
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is one of {self.excludedValues}")


def split_annotations(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split a type, annotated or not, into the bare type and its annotations."""
    bare, *annotations, _ = get_args(Annotated[kind, None])
    return bare, tuple(annotations)


def bare_type(kind: Any) -> Any:
    """Give a type without its annotations."""
    return split_annotations(kind)[0]


def first_of(annotations: Collection[Any], kind: type) -> Any:
    """Give the first annotation of a class, or None."""
    return next((one for one in annotations if isinstance(one, kind)), None)
