"""What the channels of a network mean that learns organs and their tumors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ..models.specs import OutputSpec
from ..organs import Organ, find_organ

__all__ = ["channel_of_label", "list_outputs"]


def list_outputs(organs: Iterable[Organ]) -> tuple[OutputSpec, ...]:
    """List the channels of a network that learns some organs and their tumors.

    Args:
        organs: Rows of the organ table.

    Returns:
        Background, the organs, then their tumors. The halves of a paired organ share a channel.
    """
    rows = [(kind, organ.key) for kind in ("organ", "tumor") for organ in list(organs)]
    found = [OutputSpec(n, kind, key) for n, (kind, key) in enumerate(rows, start=1)]
    return (OutputSpec(0, "background"), *found)


def channel_of_label(outputs: Sequence[OutputSpec]) -> npt.NDArray[np.uint8]:
    """Map a value of our label maps to its channel.

    Args:
        outputs: From `list_outputs`.

    Returns:
        Table of (256,) channels; what has no channel of its own is background.
    """
    table = np.zeros(256, np.uint8)
    for output in outputs:
        if output.organ is not None:
            organ = find_organ(output.organ)
            labels = list(organ.labels) if output.kind == "organ" else [organ.tumor_label]
            table[labels] = output.channel
    return table
