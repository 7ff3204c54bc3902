"""What a pickle is made of while nobody makes it: symbols, and rules for what it may ask for."""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Made", "Name", "Rules", "Symbol", "join_name"]

Symbol = Any
"""A constant, a tuple of symbols, a `Name` or a `Made`."""

_MOST_NAMED = 4
_MOST_CHARACTERS = 80


def join_name(module: str, name: str) -> str:
    """Join a module and a name in it; protocol 2 writes them as Python 2 called them."""
    return ".".join(NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name)))


@dataclass(frozen=True, slots=True)
class Name:
    """What a pickle would import.

    Args:
        text: Module and name, such as "posix.system".
    """

    text: str


@dataclass(eq=False, slots=True)
class Made:
    """What a pickle would make.

    Args:
        by: Name of what would be called; "list", "dict" or "set" for what grows.
        args: What it would be called with.
        size: How many items were put into it.
        has_keys: Whether each of them could serve as a key.
    """

    by: str
    args: tuple[Symbol, ...] = ()
    size: int = 0
    has_keys: bool = True


@dataclass(frozen=True)
class Rules:
    """What a kind of pickle may ask for.

    Args:
        mentioned: Names that may be mentioned, and not called.
        calls: By name of what may be called, a check of the arguments, which raises `Refusal`; it
            returns the symbol of the result, or None for a `Made`.
        states: By name of what made an object, a check of the state that it is given.
        stored: Check of a reference to data outside the pickle, which returns its symbol.
        protocols: Allowed versions of the language.
    """

    mentioned: Collection[str] = ()
    calls: Mapping[str, Callable[[tuple[Symbol, ...]], Symbol]] = field(default_factory=dict)
    states: Mapping[str, Callable[[Made, Symbol], None]] = field(default_factory=dict)
    stored: Callable[[Symbol], Symbol] | None = None
    protocols: Collection[int] = range(2, 6)

    def find_foreign(self, names: Iterable[str]) -> str | None:
        """Find the names that may not even be mentioned.

        Args:
            names: What a pickle asks for.

        Returns:
            What to say of them, or None if there are none.
        """
        foreign = [name for name in names if name not in self.calls and name not in self.mentioned]
        if not foreign:
            return None
        shown = ", ".join(ascii(name[:_MOST_CHARACTERS])[1:-1] for name in foreign[:_MOST_NAMED])
        if len(foreign) > _MOST_NAMED:
            shown += f" and {len(foreign) - _MOST_NAMED} more"
        if any(name.startswith("torch.nn.modules.") for name in foreign):
            return f"it is a whole pickled network ({shown}), which only its own code could read"
        return f"it wants {shown}, and reading it could run foreign code"
