"""The candidates of a map at any threshold, at once: what a slider moves over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..components import Box
from ..errors import InputError
from ..progress import Progress, ignore_progress, part_of
from .boxes import GrowingBoxes
from .branches import Forest, find_entries, grow_forest
from .foreground import find_foreground
from .reference import Spacing, count_fewest_voxels

__all__ = ["Candidate", "CandidateTree", "Candidates"]

_BRANCHES = ("value", "peak", "death", "parent", "key", "volume")
_ARRAYS = (*_BRANCHES, "peak_ijk", "grid_value", "grid_entered", "grid_index")
_BOXES = ("key", "low", "high")


@dataclass(frozen=True)
class Candidate:
    """One component of p >= threshold.

    Args:
        index: Its value among the labels, from 1.
        volume_ml: Its volume, mL.
        score: Its highest probability.
        center_ijk: A voxel inside: the middle of its box if that is, else its highest voxel.
        box: The smallest box around it, on the full grid.
    """

    index: int
    volume_ml: float
    score: float
    center_ijk: tuple[int, int, int]
    box: Box


@dataclass(frozen=True, eq=False)
class Candidates:
    """All candidates at one threshold.

    Args:
        labels: Which candidate lies where in the box, 0 for none; uint16, int32 from 65,536
            candidates on.
        box: Where the labels lie on the full grid; empty without candidates.
        candidates: Highest score first.
    """

    labels: npt.NDArray[Any]
    box: Box
    candidates: tuple[Candidate, ...]


class CandidateTree:
    """One map, ready to give its candidates at any threshold.

    Candidates are the 26-connected components of p >= threshold, the same as a sweep counts.
    """

    def __init__(self, forest: Forest, spacing_mm: Spacing, floor: float) -> None:
        """Keep of a forest what the candidates need; see `of`."""
        voxels = forest.voxels
        self.floor = floor
        self._spacing_mm = spacing_mm
        self._value = voxels.value
        self._shape = voxels.shape
        self._peak, self._death, self._parent = forest.peak, forest.death, forest.parent
        self._key, self._volume = forest.key, forest.volume
        self._boxes = GrowingBoxes.of(forest)
        peaks = voxels.find_positions(forest.peak)
        self._peak_ijk = np.stack([voxels.find_indices(peaks, n) for n in range(3)], axis=1)
        # The voxels once more in the order of the grid: labels are then written front to back.
        self._grid_value = voxels.value[voxels.rank]
        self._grid_entered = forest.entered[voxels.rank]
        i, j, k = (voxels.find_indices(voxels.position, n) for n in range(3))
        self._grid_index = (i * voxels.shape[1] + j) * voxels.shape[2] + k

    @classmethod
    def of(
        cls,
        probability: npt.NDArray[Any],
        spacing_mm: Spacing,
        *,
        floor: float = 0.01,
        progress: Progress = ignore_progress,
    ) -> CandidateTree:
        """Build the tree of a map.

        Args:
            probability: (I, J, K) in [0, 1]; compared as float32.
            spacing_mm: Distance of voxel centers along (i, j, k), mm.
            floor: No candidates can be asked for below this probability.
            progress: Told how far it is; may raise to stop.

        Returns:
            The tree; it does not hold on to the map.

        Raises:
            InputError: If the map holds NaN or values outside [0, 1].
        """
        voxels = find_foreground(probability, floor, progress=part_of(progress, 0.0, 0.3))
        forest = grow_forest(voxels, progress=part_of(progress, 0.3, 1.0))
        return cls(forest, spacing_mm, floor)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> CandidateTree:
        """Make the tree again of what `to_arrays` gave.

        Args:
            arrays: Among others, those.

        Returns:
            A tree that gives the very same candidates.
        """
        tree = cls.__new__(cls)
        for name in _ARRAYS:
            setattr(tree, f"_{name}", arrays[f"tree_{name}"])
        tree._boxes = GrowingBoxes(*(arrays[f"tree_box_{name}"] for name in _BOXES))
        tree._shape = tuple(arrays["tree_shape"].tolist())
        tree.floor, *spacing = arrays["tree_numbers"].tolist()
        tree._spacing_mm = (spacing[0], spacing[1], spacing[2])
        return tree

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Give all that it knows as arrays, for a file."""
        arrays = {f"tree_{name}": getattr(self, f"_{name}") for name in _ARRAYS}
        arrays |= {f"tree_box_{name}": getattr(self._boxes, name) for name in _BOXES}
        arrays["tree_shape"] = np.array(self._shape)
        arrays["tree_numbers"] = np.array([self.floor, *self._spacing_mm])
        return arrays

    def candidates(self, theta: float, *, min_volume_mm3: float = 30.0) -> Candidates:
        """Find the candidates at a threshold.

        Args:
            theta: Threshold; compared as float32.
            min_volume_mm3: Smaller components are dropped, mm3.

        Returns:
            The candidates with their labels.

        Raises:
            InputError: If the threshold lies below the floor.
        """
        if np.float32(theta) < np.float32(self.floor):
            msg = f"The threshold {theta} lies below the floor of the map's tree, {self.floor}."
            raise InputError(msg)
        below = np.searchsorted(self._value[::-1], np.float32(theta), side="left")
        n = int(self._value.size - below)
        root = self._find_roots(n)
        alive = np.flatnonzero(root == np.arange(root.size))
        volume = self._volume[find_entries(self._key, alive, np.full(alive.size, n))]
        big = volume >= count_fewest_voxels(min_volume_mm3, self._spacing_mm)
        branch, volume = alive[big], volume[big]
        number = np.zeros(root.size, np.uint16 if branch.size < 2**16 else np.int32)
        number[branch] = np.arange(1, branch.size + 1)
        labels = self._write_labels(number[root], theta)
        boxes = self._boxes.find(branch, n)
        box = _join(boxes)
        return Candidates(labels[box], box, self._list(branch, volume, boxes, labels))

    def _find_roots(self, n: int) -> npt.NDArray[np.int32]:
        """The component of each branch that has begun among the n highest voxels."""
        begun = int(np.searchsorted(self._peak, n))
        own = np.arange(begun, dtype=np.int32)
        root = np.where(self._death[:begun] < n, self._parent[:begun], own)
        while True:
            further = root[root]
            if np.array_equal(further, root):
                return root
            root = further

    def _write_labels(self, number: npt.NDArray[Any], theta: float) -> npt.NDArray[Any]:
        """Labels on the full grid from the number of each branch; untouched pages cost nothing."""
        labels = np.zeros(math.prod(self._shape), number.dtype)
        chosen = np.flatnonzero(self._grid_value >= np.float32(theta))
        labels[self._grid_index[chosen]] = number[self._grid_entered[chosen]]
        return labels.reshape(self._shape)

    def _list(
        self,
        branch: npt.NDArray[np.int64],
        volume: npt.NDArray[np.int32],
        boxes: list[Box],
        labels: npt.NDArray[Any],
    ) -> tuple[Candidate, ...]:
        """Describe the components; branch numbers rise as their peaks fall."""
        voxel_ml = math.prod(self._spacing_mm) / 1000.0
        scores = self._value[self._peak[branch]].tolist()
        peaks = self._peak_ijk[branch].tolist()
        found = []
        for index, (ml, score, peak, box) in enumerate(
            zip((volume * voxel_ml).tolist(), scores, peaks, boxes, strict=True), start=1
        ):
            i, j, k = ((part.start + part.stop - 1) // 2 for part in box)
            center = (i, j, k) if labels[i, j, k] == index else (peak[0], peak[1], peak[2])
            found.append(Candidate(index, ml, score, center, box))
        return tuple(found)


def _join(boxes: list[Box]) -> Box:
    """The smallest box around boxes; empty without any."""
    if not boxes:
        return slice(0, 0), slice(0, 0), slice(0, 0)
    i, j, k = (
        slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes))
        for axis in range(3)
    )
    return i, j, k
