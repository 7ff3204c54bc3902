"""Muon: steps along all directions of a weight matrix alike, however small their gradient.

A gradient of a convolution is nearly of low rank, and plain or AdamW's steps are so too. Muon keeps
its directions and makes their lengths equal: it takes the orthogonal matrix next to the momentum.

Source:
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; the size of a
    step, that of AdamW's, from Liu et al., "Muon is scalable for LLM training", 2025.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

__all__ = ["Muon", "find_hidden", "orthogonalize"]

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Of x, x^3 and x^5: repeated, it takes singular values of (0, 1] to about 1, small ones fast."""
_TIMES = 5
_ADAMW_SIZE = 0.2  # root mean square of a usual step of AdamW, in learning rates


def find_hidden(network: torch.nn.Module) -> list[torch.Tensor]:
    """Find the weights that Muon is for: of all convolutions of 3 x 3 x 3 but the first.

    Args:
        network: Any network.

    Returns:
        Weights, (out, in, 3, 3, 3). Not the first layer's, whose inputs are densities, nor the
        last's, of 1 x 1 x 1, whose outputs are classes: those have no reason to count alike.
    """
    convolutions = [
        module.weight
        for module in network.modules()
        if isinstance(module, torch.nn.Conv3d) and module.kernel_size == (3, 3, 3)
    ]
    return convolutions[1:]


def orthogonalize(matrix: torch.Tensor) -> torch.Tensor:
    """Make all singular values about 1 and leave the directions: U S V^T becomes U V^T.

    The polynomial's factors are multiplied on the matrix's smaller side, as they are polynomials
    of one Gram matrix, and meet the matrix once: weights are many times as wide as high.

    Args:
        matrix: (rows, columns), float32.

    Returns:
        Of the same shape; singular values in about 0.7 to 1.2, those next to zero less.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.T if is_tall else matrix
    wide = wide / (wide.norm() + 1e-7)
    gram = wide @ wide.T
    product = one = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    for _ in range(_TIMES):
        factor = _QUINTIC[0] * one + _QUINTIC[1] * gram + _QUINTIC[2] * (gram @ gram)
        product = factor @ product
        gram = factor @ gram @ factor
    result: torch.Tensor = product @ wide
    return result.T if is_tall else result


class Muon(torch.optim.Optimizer):
    """Nesterov's momentum, made orthogonal; weights of more than two axes are matrices (out, rest).

    Args:
        parameters: Weights of two axes or more.
        learning_rate: As for AdamW.
        momentum: Share of the momentum that stays.
        weight_decay: Of a weight, in each step, in learning rates.
    """

    def __init__(
        self,
        parameters: Iterable[torch.Tensor],
        learning_rate: float,
        *,
        momentum: float,
        weight_decay: float,
    ) -> None:
        """Take up weights; their momentum begins at zero."""
        defaults = {"lr": learning_rate, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override] # noqa: ARG002
        """Move every weight that has a gradient.

        Args:
            closure: Part of torch's interface; not called.
        """
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)

    def _move(self, weight: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].mul_(group["momentum"]).add_(gradient)
        ahead = torch.add(gradient, momentum, alpha=group["momentum"]).flatten(1)
        size = _ADAMW_SIZE * max(ahead.shape) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.sub_(orthogonalize(ahead).view_as(weight), alpha=group["lr"] * size)
