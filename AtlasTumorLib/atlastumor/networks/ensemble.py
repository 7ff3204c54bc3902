"""Several networks of one architecture, such as the folds of a cross-validation, as one network.

Their logits are averaged, as nnU-Net averages its folds before the activation. They run one after
the other, so that a window takes the memory of one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_number

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "MEMBER",
    "adapt_ensemble",
    "build_ensemble",
    "count_members",
    "find_multiple",
    "has_one_size",
    "take_apart",
]

MEMBER = "member_{}"
"""What the tensors of a member are named after, by its number from 0."""

_DEFAULTS: Mapping[str, Any] = {"network": None, "args": {}, "members": None}
_MOST_MEMBERS = 20


def build_ensemble(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the networks of a card's arguments.

    Args:
        n_outputs: Number of output channels C of each.
        args: `network` (a key of `NETWORKS`), `args` (its own) and `members` (how many).

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K), the mean of the members'.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If a package of the architecture is not installed.
    """
    from torch import nn

    from . import build_network

    name, inner, n_members = _read_args(args)

    class Ensemble(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for number in range(n_members):
                self.add_module(MEMBER.format(number), build_network(name, n_outputs, inner))

        def forward(self, x: Tensor) -> Tensor:
            first, *others = self.children()
            logits: Tensor = first(x)
            for member in others:
                logits = logits + member(x)
            return logits / n_members

    return Ensemble()


def take_apart(network: nn.Module) -> nn.Module:
    """Let an ensemble give what each member says.

    Args:
        network: From `build_ensemble`; shared, not copied.

    Returns:
        (N, 1, I, J, K) to logits (N, M C, I, J, K), the channels of one member after another.
    """
    import torch
    from torch import nn

    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, member in network.named_children():
                self.add_module(name, member)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([member(x) for member in self.children()], dim=1)

    return Apart().eval()


def count_members(name: str, args: Mapping[str, Any]) -> int:
    """Count the networks of which one consists.

    Args:
        name: A key of `NETWORKS`.
        args: Its arguments.

    Returns:
        1 for any network but an ensemble.

    Raises:
        CardError: If the arguments of an ensemble are unknown or do not go together.
    """
    return _read_args(args)[2] if name == "ensemble" else 1


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: what they are for each member.

    Args:
        args: As for `build_ensemble`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    from . import find_multiple as find_inner

    name, inner, _ = _read_args(args)
    return find_inner(name, inner)


def has_one_size(args: Mapping[str, Any]) -> bool:
    """Tell whether a trace serves one window size alone: what it is for each member.

    Args:
        args: As for `build_ensemble`.

    Returns:
        True if so.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    from . import has_one_size as tell_inner

    name, inner, _ = _read_args(args)
    return tell_inner(name, inner)


def adapt_ensemble(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring each member's published tensors to our names and shapes.

    Args:
        tensors: Under "member_0.", "member_1." and so on, as each file has them.
        args: As for `build_ensemble`.

    Returns:
        The same under our names; tensors of no member are left as they are.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    from . import adapt_tensors

    name, inner, n_members = _read_args(args)
    adapted: dict[str, Tensor] = {}
    left = dict(tensors)
    for number in range(n_members):
        prefix = MEMBER.format(number) + "."
        own = {key: left.pop(key) for key in tensors if key.startswith(prefix)}
        member = {key.removeprefix(prefix): tensor for key, tensor in own.items()}
        member = adapt_tensors(name, member, inner)
        adapted |= {prefix + key: tensor for key, tensor in member.items()}
    return adapted | left


def _read_args(args: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], int]:
    """Check the arguments: architecture, its own arguments, number of members."""
    read = fill_defaults(args, _DEFAULTS)
    name, inner = read["network"], read["args"]
    if not isinstance(name, str) or name == "ensemble":
        msg = f"network.args.network must be the name of one architecture, not {name!r}."
        raise CardError(msg)
    if not isinstance(inner, Mapping):
        msg = f"network.args.args must be an object of arguments, not {inner!r}."
        raise CardError(msg)
    return name, inner, read_number(read["members"], "members", low=1, high=_MOST_MEMBERS)
