"""STU-Net, of which nnU-Net's plan says the poolings alone and the trainer's name the size.

Source:
    Huang et al., "STU-Net", arXiv 2304.06716; names of trainers in uni-medical/STU-Net
    (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["read_stunet"]

_TRAINER = re.compile(r"STUNetTrainer_(small|base|large|huge)")
_SIZES = {"small": (16, 1), "base": (32, 1), "large": (64, 2), "huge": (96, 3)}
_N_POOLS = 5
_WIDTHS = (1, 2, 4, 8, 16, 16)


def read_stunet(
    trainer: str, pools: Sequence[Sequence[float]]
) -> tuple[str, dict[str, Any]] | None:
    """Read the network that a trainer of STU-Net builds.

    Args:
        trainer: Name of the trainer, or of a folder that begins with it.
        pools: The plan's poolings, in our order of axes.

    Returns:
        (network, its arguments) of a card; None for another trainer.
    """
    found = _TRAINER.match(trainer)
    if found is None:
        return None
    width, n_blocks = _SIZES[found[1]]
    strides = [list(pool) for pool in pools[:_N_POOLS]]
    strides += [[1, 1, 1]] * (_N_POOLS - len(strides))
    return "stunet", {
        "features_per_stage": [width * times for times in _WIDTHS],
        "kernel_sizes": [[3, 3, 3]] * len(_WIDTHS),
        "strides": [[1, 1, 1], *strides],
        "n_blocks_per_stage": [n_blocks] * len(_WIDTHS),
    }
