"""MONAI's DiNTS: a grid of cells of which a search kept some, and one operation in each.

Source:
    He et al., "DiNTS: Differentiable Neural Network Topology Search for 3D Medical Image
    Segmentation", CVPR 2021; built by MONAI's `DiNTS` and `TopologyInstance`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_flag, read_number, read_numbers
from .monai_parts import find_in_monai

if TYPE_CHECKING:
    from torch import nn

__all__ = ["DINTS", "build_dints", "find_multiple", "read_search_code"]

DINTS: Mapping[str, Any] = {
    "arch_code_a": None,
    "arch_code_c": None,
    "init_filters": 32,
    "use_downsample": True,
}
"""The two codes have a row per block and a column per path, and must be given.

`arch_code_a` is 1 where a path is in use, `arch_code_c` the number of its operation: 0 none, 1 a
convolution along all axes, 2 to 4 along (i, j) and k, (i, k) and j, (j, k) and i. At 4 resolutions
there are 10 paths: from each resolution to itself and to its neighbors, ordered by where they end.
`init_filters` is 32 times MONAI's `channel_mul`.
"""

_N_OPERATIONS = 5
_N_PATHS = (4, 7, 10, 13, 16)  # of 2 to 6 resolutions
_FILTERS = 32  # of the finest resolution, at MONAI's channel_mul of 1


def build_dints(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: Keys of `DINTS`.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed.
    """
    read = _read_args(args)
    space_class = find_in_monai("dints", "TopologyInstance")
    network_class = find_in_monai("dints", "DiNTS")
    import numpy as np

    paths = read["arch_code_a"]
    with contextlib.redirect_stdout(io.StringIO()):  # MONAI prints advice on the window's size
        space = space_class(
            arch_code=[np.array(paths), np.array(read["arch_code_c"])],
            channel_mul=read["init_filters"] / _FILTERS,
            num_blocks=len(paths),
            num_depths=_n_resolutions(paths),
            use_downsample=read["use_downsample"],
        )
    network: nn.Module = network_class(
        space,
        in_channels=1,
        num_classes=n_outputs,
        use_downsample=read["use_downsample"],
        node_a=_find_nodes(paths),
    )
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: 2 for every halving.

    Args:
        args: As for `build_dints`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    read = _read_args(args)
    step = 2 ** (_n_resolutions(read["arch_code_a"]) - 1 + read["use_downsample"])
    return step, step, step


def read_search_code(code: Mapping[str, Any]) -> dict[str, Any]:
    """Read a search's result, the file beside a bundle's weights, as arguments.

    Args:
        code: With "arch_code_a", "arch_code_c" and "node_a": arrays, tensors or lists.

    Returns:
        The keys of `DINTS` that a search decides, as JSON values.

    Raises:
        CardError: If a part is missing, is no code, or the nodes are not those of the paths.
    """
    missing = {"arch_code_a", "arch_code_c", "node_a"} - set(code)
    if missing:
        msg = f"The search code lacks {', '.join(sorted(missing))}; it has {', '.join(code)}."
        raise CardError(msg)
    paths, operations, nodes = (
        _to_lists(code, key) for key in ("arch_code_a", "arch_code_c", "node_a")
    )
    args = {"arch_code_a": paths, "arch_code_c": operations}
    _read_args(args)
    if nodes != _find_nodes(paths):
        msg = "The search code's node_a is not what its arch_code_a makes; the file is not whole."
        raise CardError(msg)
    return args


def _to_lists(code: Mapping[str, Any], key: str) -> list[list[int]]:
    """Rows of whole numbers, of an array or a tensor."""
    import numpy as np

    try:
        numbers = np.asarray(code[key], dtype=np.float64)
        whole = numbers.astype(np.int64)
    except (TypeError, ValueError) as error:
        msg = f"The search code's {key} must be a table of numbers ({error})."
        raise CardError(msg) from error
    if numbers.ndim != 2 or not np.array_equal(numbers, whole):
        msg = f"The search code's {key} must be a table of whole numbers."
        raise CardError(msg)
    rows: list[list[int]] = whole.tolist()
    return rows


def _find_nodes(paths: Sequence[Sequence[int]]) -> list[list[int]]:
    """Which resolutions are in use: before the first block, and after each."""
    n = _n_resolutions(paths)
    starts = [_start(i) for i, used in enumerate(paths[0]) if used]
    ends = [[_end(i) for i, used in enumerate(row) if used] for row in paths]
    return [[int(node in nodes) for node in range(n)] for nodes in (starts, *ends)]


def _start(path: int) -> int:
    """The resolution a path comes from."""
    return _end(path) - 1 + (path + 1) % 3


def _end(path: int) -> int:
    """The resolution a path leads to: each has three, but the first and last have two."""
    return (path + 1) // 3


def _n_resolutions(paths: Sequence[Sequence[int]]) -> int:
    return (len(paths[0]) + 2) // 3


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    given = fill_defaults(args, DINTS)
    codes = {
        key: _read_code(given[key], key, high)
        for key, high in (("arch_code_a", 1), ("arch_code_c", _N_OPERATIONS - 1))
    }
    paths = codes["arch_code_a"]
    shape = (len(paths), len(paths[0]))
    other = codes["arch_code_c"]
    if (len(other), len(other[0])) != shape or shape[1] not in _N_PATHS:
        msg = (
            "network.args.arch_code_a and arch_code_c must both have a row per block and 4, 7, 10, "
            f"13 or 16 columns, not {shape} and {(len(other), len(other[0]))} rows and columns."
        )
        raise CardError(msg)
    nodes = _find_nodes(paths)
    for i, row in enumerate(paths):
        starts = {_start(path) for path, used in enumerate(row) if used}
        if not starts or any(not nodes[i][start] for start in starts):
            msg = f"network.args.arch_code_a[{i}] has no path, or one from where none has led."
            raise CardError(msg)
    filters = read_number(given["init_filters"], "init_filters", low=2, high=256)
    downsample = read_flag(given["use_downsample"], "use_downsample")
    return {**codes, "init_filters": filters, "use_downsample": downsample}


def _read_code(value: Any, key: str, high: int) -> list[list[int]]:
    """Rows of one length."""
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= 64:
        msg = f"network.args.{key} must be a list of 1 to 64 rows, not {value!r:.80}."
        raise CardError(msg)
    n = len(value[0]) if isinstance(value[0], (list, tuple)) else 1
    return [
        list(read_numbers(row, f"{key}[{i}]", n=(n, n), low=0, high=high))
        for i, row in enumerate(value)
    ]
