"""Pickles from anywhere: the names that they ask for, and the plain data in the harmless ones.

Nothing is unpickled before `machine.examine` has followed it to its end.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .archives import open_zip
from .machine import examine, name_globals
from .plain import ALLOWED, RULES, as_plain
from .refusals import refusing, require
from .symbols import join_name

__all__ = ["Pickles", "find_globals", "open_pickles", "read_plain_pickle"]

_MOST_BYTES = 32 << 20
_ZIP_START = b"PK\x03\x04"
_LEGACY_START = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
_N_LEGACY = 5  # that number, a version, the system, what was saved, the names of its storages
_TOO_LONG = f"its pickle is longer than {_MOST_BYTES >> 20} MB"


@dataclass(frozen=True)
class Pickles:
    """The pickles in a file.

    Args:
        file: Stands at the first; the others follow.
        n: How many there are.
        storages: Of a zip, the size in bytes of each storage by its name; else None.
    """

    file: BinaryIO
    n: int
    storages: Mapping[str, int] | None = None


def open_pickles(path: Path) -> Pickles:
    """Find the pickles in a file of torch, whichever way it was written, or in a plain one.

    Args:
        path: The file.

    Returns:
        The pickles, in memory.

    Raises:
        Refusal: If they are too long, or the zip that holds them is hostile or not torch's.
        zipfile.BadZipFile, OSError, LookupError: If the file is broken.
    """
    with path.open("rb") as file:
        start = file.read(len(_LEGACY_START))
    if start.startswith(_ZIP_START):
        with open_zip(path, stored=True) as archive:
            return _zipped(archive)
    with path.open("rb") as file:
        head = file.read(_MOST_BYTES + 1)
    if start == _LEGACY_START:
        return Pickles(io.BytesIO(head), _N_LEGACY)
    require(len(head) <= _MOST_BYTES, _TOO_LONG)
    return Pickles(io.BytesIO(head), 1)


def _zipped(archive: zipfile.ZipFile) -> Pickles:
    """Take torch's pickle out of its zip, all of whose parts lie in one folder."""
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    root = next(iter(sizes)).partition("/")[0]
    require(all(name.startswith(f"{root}/") for name in sizes), "it is not a zip of torch's")
    require(f"{root}/constants.pkl" not in sizes, "it is a TorchScript program, not its weights")
    require(f"{root}/data.pkl" in sizes, "it is not a zip of torch's")
    require(sizes[f"{root}/data.pkl"] <= _MOST_BYTES, _TOO_LONG)
    data = f"{root}/data/"
    storages = {name.removeprefix(data): n for name, n in sizes.items() if name.startswith(data)}
    return Pickles(io.BytesIO(archive.read(f"{root}/data.pkl")), 1, storages)


def find_globals(path: Path) -> list[str]:
    """Name everything that a pickle, or a file of torch, would import; nothing runs.

    Args:
        path: The file.

    Returns:
        Modules and names, such as "posix.system", in the order in which they come.

    Raises:
        WeightsError: If the file is missing, broken, too large, or hides the names.
    """
    path = Path(path)
    with refusing(path, "a pickle"):
        pickles = open_pickles(path)
        names = [name for _ in range(pickles.n) for name in name_globals(pickles.file)]
    return list(dict.fromkeys(names))


def read_plain_pickle(path: Path) -> Any:
    """Read a pickle of numbers, text, plain containers and numpy arrays of numbers.

    Such are the plans of nnU-Net's first version.

    Args:
        path: A pickle of protocol 2 to 5.

    Returns:
        A tree of dict, list, tuple, set, numbers, text and numpy arrays.

    Raises:
        WeightsError: If the file is missing, broken or too large, or asks for anything else.
    """
    path = Path(path)
    with refusing(path, "a pickle"):
        pickles = open_pickles(path)
        require(pickles.n == 1 and pickles.storages is None, "it is a checkpoint, not plain data")
        examine(pickles.file, RULES)
        pickles.file.seek(0)
        return as_plain(_PlainUnpickler(pickles.file).load())


class _PlainUnpickler(pickle.Unpickler):
    """Finds the allowed names alone."""

    def find_class(self, module: str, name: str) -> Any:
        return ALLOWED[join_name(module, name)]
