"""What a pickle would do, worked out without doing any of it.

A pickle is a program without branches for a small stack machine. Here that program moves symbols:
nothing is imported, called or filled. So every name, call and size is known before a real reader
opens the file, and `Rules` say which of them are refused. Steps, time and copies are bounded.

Source:
    CPython, Lib/pickletools.py: the opcodes, and the parser that is used here.
"""

from __future__ import annotations

import pickletools
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from .refusals import Refusal, require
from .symbols import Made, Name, Rules, Symbol, join_name

__all__ = ["examine", "name_globals"]

_MOST_STEPS = 2_000_000
_MOST_SECONDS = 60.0
_MOST_COPIED = 8_000_000
_MOST_BITS = 4_096
_KEYS = (str, bytes, int, float, type(None))
_DICTS = ("collections.Counter", "collections.OrderedDict", "collections.defaultdict")
_OUTSIDE = "it refers to something outside itself"
_MARK = object()


def examine(file: BinaryIO, rules: Rules) -> Symbol:
    """Follow one pickle, and refuse what the rules do not allow.

    Args:
        file: Stands at the pickle's first byte; afterwards behind its last.
        rules: What it may ask for.

    Returns:
        The symbol of what the pickle would give.

    Raises:
        Refusal: If it asks for anything else, or for too much.
        ValueError, LookupError, AssertionError: If it is no sound pickle.
    """
    start = file.tell()
    names = _Machine(None)
    with suppress(Refusal, ValueError, LookupError, AssertionError):
        names.run(file)  # to its end, as names say more than what is wrong before them
    if foreign := rules.find_foreign(names.asked):
        raise Refusal(foreign)
    file.seek(start)
    return _Machine(rules).run(file)


def name_globals(file: BinaryIO) -> list[str]:
    """Name everything that one pickle would import.

    Args:
        file: Stands at the pickle's first byte; afterwards behind its last.

    Returns:
        Modules and names, such as "posix.system", in the order in which they come.

    Raises:
        Refusal: If that cannot be told, or it asks for too much.
        ValueError, LookupError, AssertionError: If it is no sound pickle.
    """
    machine = _Machine(None)
    machine.run(file)
    return list(machine.asked)


class _Machine:
    """Follows one pickle; without rules it follows everything."""

    def __init__(self, rules: Rules | None) -> None:
        self.asked: dict[str, None] = {}
        self._rules = rules
        self._stack: list[Symbol] = []
        self._memo: dict[int, Symbol] = {}
        self._steps = 0
        self._copied = 0
        self._protocol = 0

    def run(self, file: BinaryIO) -> Symbol:
        end = time.thread_time() + _MOST_SECONDS
        for opcode, argument, _ in pickletools.genops(file):
            self._steps += 1
            is_late = self._steps % 1024 == 0 and time.thread_time() > end
            require(self._steps <= _MOST_STEPS and not is_late, "it takes too long to read")
            if self._rules is not None and self._steps == 1 and opcode.name != "PROTO":
                msg = "it does not start as a pickle does"
                raise ValueError(msg)
            _ACTIONS[opcode.name](self, argument)
        if self._rules is not None:
            is_known = self._protocol in self._rules.protocols
            require(is_known, f"it is pickled with protocol {self._protocol}, which is not read")
        return self.pop()

    def set_protocol(self, protocol: int) -> None:
        self._protocol = protocol

    # The stack and the memo

    def push(self, symbol: Symbol) -> None:
        is_long = isinstance(symbol, int) and symbol.bit_length() > _MOST_BITS
        require(not is_long, "it holds a number of thousands of digits")
        self._stack.append(symbol)

    def pop(self) -> Symbol:
        symbol = self._stack.pop()
        if symbol is _MARK:
            msg = "a mark where a value is due"
            raise ValueError(msg)
        return symbol

    def pop_some(self, n: int | None) -> list[Symbol]:
        """Take the last n symbols, or those down to the mark, oldest first."""
        if n is not None:
            return [self.pop() for _ in range(n)][::-1]
        items = []
        while (symbol := self._stack.pop()) is not _MARK:
            items.append(symbol)
        return items[::-1]

    def drop(self, _: None) -> None:
        self._stack.pop()

    def repeat(self, _: None) -> None:
        self.push(self._stack[-1])

    def store(self, index: int | None) -> None:
        index = len(self._memo) if index is None else index
        # A real reader would make room for all lower ones.
        require(0 <= index < self._steps, "it asks for more memory than it can use")
        self._memo[index] = self._stack[-1]

    def recall(self, index: int) -> None:
        self.push(self._memo[index])

    # Containers

    def make(self, kind: str, n: int | None = 0) -> None:
        items = self.pop_some(n)
        self.push(Made(kind))
        self._put_in(items, kind)

    def fill(self, kind: str, n: int | None) -> None:
        self._put_in(self.pop_some(n), kind)

    def _put_in(self, items: list[Symbol], kind: str) -> None:
        """Put items into what is on top of the stack."""
        target = self._stack[-1]
        is_container = isinstance(target, Made) and (
            self._rules is None or target.by == kind or (kind == "dict" and target.by in _DICTS)
        )
        require(is_container, "it fills what is no container")
        keys = {"list": [], "dict": items[::2], "set": items}[kind]
        is_hashed_fast = all(map(_may_be_key, keys))
        require(is_hashed_fast, "it uses as a key what is neither text nor a number")
        target.size += len(items)
        target.has_keys = target.has_keys and all(map(_may_be_key, items))

    # Names, calls and states

    def ask(self, text: str) -> None:
        module, _, name = text.partition(" ")
        full = join_name(module, name)
        self.asked[full] = None
        self.push(Name(full))

    def ask_by_stack(self, _: None) -> None:
        module, name = self.pop_some(2)
        is_said = isinstance(module, str) and isinstance(name, str)
        require(is_said, "it makes up, while it is read, the name of what it wants")
        self.ask(f"{module} {name}")

    def call_top(self, _: None) -> None:
        self.call(*self.pop_some(2))

    def call_marked(self, name: str | None) -> None:
        arguments = self.pop_some(None)
        if name is not None:
            self.ask(name)
            arguments.insert(0, self.pop())
        self.call(arguments[0], tuple(arguments[1:]))

    def call(self, function: Symbol, arguments: Symbol) -> None:
        made = None
        if self._rules is not None:
            is_plain = isinstance(function, Name) and isinstance(arguments, tuple)
            require(is_plain, "it calls what it has made itself")
            is_free = function.text not in self._rules.mentioned
            require(is_free, f"it calls {function.text}, which may only be mentioned")
            self._copy(arguments)
            made = self._rules.calls[function.text](arguments)
        by = function.text if isinstance(function, Name) else "?"
        self.push(made if made is not None else Made(by, arguments))

    def set_state(self, _: None) -> None:
        state, target = self.pop(), self._stack[-1]
        if self._rules is not None:
            require(isinstance(target, Made), "it changes what it has not made")
            is_known = target.by in self._rules.states
            require(is_known, f"it changes the inside of a {target.by}")
            self._copy((state,))
            self._rules.states[target.by](target, state)

    def _copy(self, symbols: tuple[Symbol, ...]) -> None:
        """Count what a call may copy: again and again, it fills the memory from a small file."""
        self._copied += sum(
            symbol.size if isinstance(symbol, Made) else len(symbol)
            for symbol in symbols
            if isinstance(symbol, (Made, str, bytes, bytearray, tuple))
        )
        require(self._copied <= _MOST_COPIED, "it copies the same things again and again")

    def refer(self, _: None) -> None:
        reference = self.pop()
        if self._rules is None:
            self.push(Made("?", (reference,)))
        elif self._rules.stored is None:
            raise Refusal(_OUTSIDE)
        else:
            self.push(self._rules.stored(reference))


def _may_be_key(symbol: Symbol) -> bool:
    """Whether hashing is quick: tuples in tuples take twice the time with every level."""
    parts = symbol if isinstance(symbol, tuple) else (symbol,)
    return all(isinstance(part, _KEYS) for part in parts)


def _refuse(reason: str) -> Callable[[_Machine, Any], None]:
    def refuse(_machine: _Machine, _argument: object) -> None:
        raise Refusal(reason)

    return refuse


_ACTIONS: Mapping[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(
        (
            *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
            *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
            *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
            *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        ),
        _Machine.push,
    ),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": lambda machine, _: machine.push(_MARK),
    "POP": _Machine.drop,
    "POP_MARK": lambda machine, _: machine.pop_some(None).clear(),
    "DUP": _Machine.repeat,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.store),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_some(None))),
    "TUPLE1": lambda machine, _: machine.push((machine.pop(),)),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.pop_some(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.pop_some(3))),
    "EMPTY_LIST": lambda machine, _: machine.make("list"),
    "EMPTY_DICT": lambda machine, _: machine.make("dict"),
    "EMPTY_SET": lambda machine, _: machine.make("set"),
    "LIST": lambda machine, _: machine.make("list", None),
    "DICT": lambda machine, _: machine.make("dict", None),
    "FROZENSET": lambda machine, _: machine.make("set", None),
    "APPEND": lambda machine, _: machine.fill("list", 1),
    "APPENDS": lambda machine, _: machine.fill("list", None),
    "SETITEM": lambda machine, _: machine.fill("dict", 2),
    "SETITEMS": lambda machine, _: machine.fill("dict", None),
    "ADDITEMS": lambda machine, _: machine.fill("set", None),
    "GLOBAL": _Machine.ask,
    "STACK_GLOBAL": _Machine.ask_by_stack,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.call_top),
    **dict.fromkeys(("OBJ", "INST"), _Machine.call_marked),
    "NEWOBJ_EX": _refuse("it makes objects in a way that no model needs"),
    "BUILD": _Machine.set_state,
    "BINPERSID": _Machine.refer,
    **dict.fromkeys(("PERSID", "NEXT_BUFFER", "READONLY_BUFFER"), _refuse(_OUTSIDE)),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _refuse("it asks for code by number")),
    "PROTO": _Machine.set_protocol,
    **dict.fromkeys(("FRAME", "STOP"), lambda _machine, _: None),
}
"""What each opcode does; pickletools knows no others."""
