"""What a network's channels mean, and what of them a case is annotated for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ..models.specs import OutputSpec
from ..organs import Organ, find_organ

__all__ = ["channel_of_label", "list_outputs", "merge_channels"]


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


def merge_channels(
    outputs: Sequence[OutputSpec], organs: frozenset[str], tumors: frozenset[str]
) -> npt.NDArray[np.int64]:
    """Find which channels a case cannot tell apart.

    An organ that nobody outlined lies in what is called background. So does a tumor that nobody
    looked for, unless its organ is outlined: then it lies in the organ, which is outlined with it.

    Args:
        outputs: From `list_outputs`.
        organs: Keys of the organs that are outlined.
        tumors: Keys of the organs whose tumors are outlined.

    Returns:
        For each channel the one that it is merged into, (C,); its own number if it is annotated.

    Source:
        Shi et al., "Marginal loss and exclusion loss for partially supervised multi-organ
        segmentation", Medical Image Analysis 2021: what is not annotated joins the background.
        Differs: tumors join their organ where that is annotated.
    """
    channel = {(o.kind, o.organ): o.channel for o in outputs}
    into = np.arange(len(outputs))
    for output in outputs:
        if output.kind == "organ" and output.organ not in organs:
            into[output.channel] = 0
        elif output.kind == "tumor" and output.organ not in tumors:
            into[output.channel] = channel["organ", output.organ] if output.organ in organs else 0
    return into
