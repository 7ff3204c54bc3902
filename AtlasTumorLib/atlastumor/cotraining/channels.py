"""Which channels a case can tell apart, by what it is annotated for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..models.specs import OutputSpec

__all__ = ["merge_channels"]


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
