"""Reading checkpoints that may come from anywhere: tensors by name, and never code.

A file of torch is first followed by `machine.examine`, which knows every name, call and size in it
before anything is read; then torch's own restricted reader (`weights_only=True`) opens it with the
same names allowed. Those are, beside `plain.ALLOWED`, torch's storages and tensors, and what
training programs write beside the weights (`_SHELLS`), which stays inert and is left out.
Safetensors files are read as they are.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...errors import WeightsError
from .machine import examine
from .pickles import Pickles, open_pickles
from .plain import ALLOWED, NUMERIC, RULES, as_plain
from .refusals import Refusal, refusing, require
from .symbols import Made, Name, Rules, Symbol

__all__ = ["read_checkpoint", "read_tensors"]

_CONTAINERS = (
    "network_weights",  # nnU-Net
    "ema_model_state_dict",  # the averaged weights come before those of the last step
    "ema",
    "state_dict",
    "model_state_dict",
    "net",
    "model",
)
_MOST_SHARING = 8
_MOST_HEADER_BYTES = 16 << 20
_MOST_DIMENSIONS = 16
_STORAGE, _TENSOR = "a storage", "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"


class _Shell:
    """Stands in for an object of a class that is not needed; does nothing."""

    def __init__(self, *_arguments: object) -> None:
        """Take whatever the file gives."""

    def __setstate__(self, _state: object) -> None:
        """Forget it."""


_SHELLS = (
    "argparse.Namespace",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
    "typing.Any",
)

_BYTES = {
    "BFloat16Storage": 2,
    "BoolStorage": 1,
    "ByteStorage": 1,
    "CharStorage": 1,
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "IntStorage": 4,
    "LongStorage": 8,
    "ShortStorage": 2,
}
_STORAGES = {f"torch.{name}": size for name, size in _BYTES.items()}
_DTYPES = (
    *("torch.bfloat16", "torch.bool", "torch.float16", "torch.float32", "torch.float64"),
    *("torch.int16", "torch.int32", "torch.int64", "torch.int8", "torch.uint8"),
)

_HARMLESS: list[Any] = [
    *((value, name) for name, value in ALLOWED.items()),
    *((_Shell, name) for name in _SHELLS),
    *(
        (type(dtype), f"{type(dtype).__module__}.{type(dtype).__name__}")
        for dtype in NUMERIC.values()
    ),
]


def read_checkpoint(path: Path) -> Any:
    """Read everything in a checkpoint without running anything in it.

    Args:
        path: A file of `torch.save`, or a safetensors file.

    Returns:
        A tree of dict, list, tuple, set, numbers, text, numpy arrays of numbers, and tensors on the
        CPU, not copied out of the file before they are used. What only training needs is None.

    Raises:
        WeightsError: If the file is missing or broken, asks for what could run code (the message
            names it), or would take more memory or time than its size explains.
    """
    path = Path(path)
    with refusing(path, "a checkpoint"):
        if _is_safetensors(path):
            return _read_safetensors(path)
        pickles = open_pickles(path)
        rules = _rules(pickles, path.stat().st_size)
        for _ in range(pickles.n):
            examine(pickles.file, rules)
        is_zip = pickles.storages is not None
        require(is_zip or pickles.n > 1, "it is a pickle, but none that torch has saved")
        try:
            with torch.serialization.safe_globals(_HARMLESS):
                loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
        except pickle.UnpicklingError as error:
            msg = "torch's own restricted reader does not take it"
            raise Refusal(msg) from error
        return as_plain(loaded, _keep_tensor)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read the weights in a checkpoint without running anything in it.

    Of a file that holds several sets, averaged weights come before those of the last step.

    Args:
        path: A file of `torch.save`, or a safetensors file.

    Returns:
        Tensors by name, on the CPU, not copied out of the file before they are used.

    Raises:
        WeightsError: As `read_checkpoint` raises it, or if there is anything but tensors where the
            weights should be.
    """
    path = Path(path)
    return _find_weights(read_checkpoint(path), path.name)


def _keep_tensor(value: Any) -> torch.Tensor | None:
    """Keep tensors, without the history and hooks that a file may give them."""
    return value.detach() if isinstance(value, torch.Tensor) else None


def _is_safetensors(path: Path) -> bool:
    """Tell by its start: eight bytes of length, then JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file; its library checks that tensors lie in the file and apart."""
    with path.open("rb") as file:
        n_bytes = int.from_bytes(file.read(8), "little")
    require(n_bytes <= _MOST_HEADER_BYTES, "its table of contents is too long")
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _rules(pickles: Pickles, n_bytes: int) -> Rules:
    """What a checkpoint may ask for; torch writes protocol 2, and reads no other safely."""
    tensors = _Tensors(pickles.storages, n_bytes)
    return Rules(
        mentioned={*RULES.mentioned, *_STORAGES, *_DTYPES},
        calls={
            **RULES.calls,
            **dict.fromkeys((*_SHELLS, "torch.Size", "torch.device"), lambda _: None),
            _TENSOR: tensors.check_tensor,
            _PARAMETER: tensors.check_parameter,
        },
        states={**RULES.states, **dict.fromkeys(_SHELLS, lambda _made, _state: None)},
        stored=tensors.check_storage,
        protocols=(2,),
    )


class _Tensors:
    """Checks that the tensors of one file fit into it."""

    def __init__(self, storages: Mapping[str, int] | None, n_bytes: int) -> None:
        """Take the bytes of each storage, where they are known, and of the whole file."""
        self._storages = storages
        self._n_bytes = n_bytes
        self._n_stored = 0
        self._n_used = 0
        self._seen: dict[str, Made] = {}

    def check_storage(self, reference: Symbol) -> Made:
        """Refuse a storage that is larger than its part of the file, or that changes its size."""
        more = () if self._storages is not None else (None,)  # of old files: no view
        is_known = isinstance(reference, tuple) and len(reference) >= 5
        is_known = is_known and reference[0] == "storage" and reference[5:] == more
        require(is_known, "it refers to something else than the numbers of a tensor")
        _, kind, key, _, n = reference[:5]
        itemsize = _STORAGES.get(kind.text) if isinstance(kind, Name) else None
        require(itemsize is not None, "it holds tensors of something else than plain numbers")
        require(
            isinstance(key, str) and _is_size(n), "it refers to a storage without a name or size"
        )
        storage = self._seen.get(key)
        if storage is None:
            storage = self._seen[key] = Made(_STORAGE, (kind, n, itemsize))
            self._n_stored += n * itemsize
            room = self._n_bytes if self._storages is None else self._storages.get(key, 0)
            is_there = n * itemsize <= room and self._n_stored <= self._n_bytes
            require(is_there, "it says that a tensor is larger than the file")
        require(storage.args[:2] == (kind, n), "it describes the same numbers in two ways")
        return storage

    def check_tensor(self, arguments: tuple[Symbol, ...]) -> None:
        """Refuse a tensor that reaches beyond its storage, or is larger."""
        is_tensor = len(arguments) == 6 and isinstance(arguments[0], Made)
        is_tensor = is_tensor and arguments[0].by == _STORAGE and _is_size(arguments[1])
        is_tensor = is_tensor and _are_sizes(arguments[2]) and _are_sizes(arguments[3])
        is_tensor = is_tensor and len(arguments[2]) == len(arguments[3])
        require(is_tensor, "it makes a tensor in a way that no model needs")
        (_, n_stored, itemsize), offset, size, stride = (arguments[0].args, *arguments[1:4])
        n = math.prod(size)
        last = offset + sum((a - 1) * b for a, b in zip(size, stride, strict=True))
        is_inside = n == 0 or (last < n_stored and n <= n_stored)
        require(is_inside, "it holds a tensor that is larger than its numbers")
        self._n_used += n * itemsize
        is_fair = self._n_used <= _MOST_SHARING * self._n_bytes
        require(is_fair, "it uses the same numbers for too many tensors")

    def check_parameter(self, arguments: tuple[Symbol, ...]) -> None:
        """Refuse a parameter that is not made of a tensor."""
        is_tensor = (
            bool(arguments) and isinstance(arguments[0], Made) and arguments[0].by == _TENSOR
        )
        require(is_tensor, "it makes a tensor in a way that no model needs")


def _is_size(value: Symbol) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _are_sizes(value: Symbol) -> bool:
    is_short = isinstance(value, tuple) and len(value) <= _MOST_DIMENSIONS
    return is_short and all(map(_is_size, value))


def _find_weights(loaded: object, name: str) -> dict[str, torch.Tensor]:
    """Take the weights out of what was loaded."""
    for key in _CONTAINERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    if not isinstance(loaded, Mapping):
        msg = f"{name} holds no weights: a {type(loaded).__name__} where tensors by name are due."
        raise WeightsError(msg)
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            msg = f"{name} holds a {type(value).__name__} named '{key}' where a tensor is due."
            raise WeightsError(msg)
    return dict(loaded)
