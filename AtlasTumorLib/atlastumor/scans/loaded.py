"""What every format's reader hands back, before the gate has looked at the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..volume import Source

__all__ = ["Loaded"]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A volume as its file holds it.

    Args:
        array: (I, J, K), int16 or float32.
        affine: Voxel centers to RAS mm, (4, 4).
        source: Where it came from.
    """

    array: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    source: Source
