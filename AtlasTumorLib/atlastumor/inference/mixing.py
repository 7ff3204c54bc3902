"""Several models' answers about one scan, brought together on its grid.

One label map takes the organs of one model after another; where two claim a voxel, a tumor comes
before an organ, and then the earlier part of the recipe. Tumors that no single model decides are
painted at the end, from the mean of the models' probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..components import Box, Region, find_box, find_boxes, find_components, has_label
from ..organs import Organ
from ..progress import UNWATCHED, Watch
from ..volume import Grid
from .postprocess import Labels, find_surrounding
from .probability import AbstractTumorMap, Half, find_overlap

__all__ = [
    "MeanMap",
    "SpreadMap",
    "absorb_tumors",
    "find_outline",
    "merge_labels",
    "paint_tumors",
    "rank_labels",
]

_SLAB_VOXELS = 1 << 22
_LEAST = 2.0**-24  # half precision's smallest number: what is 0 is outside, at any threshold


@dataclass(frozen=True, eq=False)
class MeanMap(AbstractTumorMap):
    """The mean of several models' tumor probabilities.

    Args:
        maps: One per model, each on its own grid.
        within: Voxels of the scan's grid outside of which it is 0, that grid being the only one
            then to be asked for; None for everywhere.
    """

    maps: tuple[AbstractTumorMap, ...]
    within: Region | None = None

    def part(self, grid: Grid, box: Box) -> Half:
        """Average over a box of another grid, as of `AbstractTumorMap.part`.

        Args:
            grid: One whose axes run along those of the maps, such as the scan's.
            box: Which of its voxels.

        Returns:
            Probabilities, float16 of the box's shape.
        """
        total = np.zeros([side.stop - side.start for side in box], np.float32)
        for one in self.maps:
            total += one.part(grid, box)
        mean: Half = (total / len(self.maps)).astype(np.float16)
        if self.within is None:
            return mean
        kept = np.zeros_like(mean)
        if (overlap := find_overlap(self.within.box, box)) is not None:
            theirs, ours = overlap
            np.copyto(kept[ours], mean[ours], where=self.within.mask[theirs])
        return kept


@dataclass(frozen=True, eq=False)
class SpreadMap(AbstractTumorMap):
    """The standard deviation of several models' tumor probabilities.

    Args:
        maps: One per model, each on its own grid.
    """

    maps: tuple[AbstractTumorMap, ...]

    def part(self, grid: Grid, box: Box) -> Half:
        """Compare over a box of another grid, as of `AbstractTumorMap.part`.

        Args:
            grid: One whose axes run along those of the maps, such as the scan's.
            box: Which of its voxels.

        Returns:
            Standard deviations in [0, 0.5], float16 of the box's shape.
        """
        values = np.stack([one.part(grid, box) for one in self.maps]).astype(np.float32)
        spread: Half = values.std(axis=0).astype(np.float16)
        return spread


def rank_labels(organs: Sequence[Organ]) -> npt.NDArray[np.uint8]:
    """Say which label stays where two claim a voxel.

    Args:
        organs: Those that come first, first.

    Returns:
        Rank of each label, (256,); the higher one stays. Background has 0.
    """
    ranks = np.zeros(256, np.uint8)
    n = len(organs)
    for place, organ in enumerate(organs):
        ranks[list(organ.labels)] = n - place
        ranks[organ.tumor_label] = 2 * n - place
    return ranks


def merge_labels(
    into: Labels, labels: Labels, organs: Iterable[Organ], ranks: npt.NDArray[np.uint8]
) -> None:
    """Add some organs and their tumors to a label map.

    Args:
        into: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        labels: What is added, on the same grid.
        organs: Which of its organs.
        ranks: As of `rank_labels`.
    """
    wanted = np.zeros(256, np.uint8)
    for organ in organs:
        own = [*organ.labels, organ.tumor_label]
        wanted[own] = own
    for k in _slabs(labels.shape):
        new, old = wanted[labels[:, :, k]], into[:, :, k]
        np.copyto(old, new, where=ranks[new] > ranks[old])


def absorb_tumors(
    labels: Labels,
    tumors: Iterable[Organ],
    organs: Iterable[Organ],
    *,
    watch: Watch = UNWATCHED,
) -> None:
    """Turn tumors into the organ that they touch most, or into background if they touch none.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        tumors: Organs by whose name the tumors go.
        organs: Organs that they may become.
        watch: May stop it.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    candidates = [label for organ in organs for label in organ.labels]
    boxes = find_boxes(labels)
    for label in dict.fromkeys(organ.tumor_label for organ in tumors):
        if candidates and label in boxes:
            for lesion in list(watch.each(find_components(labels, label, boxes[label]))):
                around = find_surrounding(labels, lesion, candidates)
                labels[lesion.box][lesion.mask] = around


def find_outline(labels: Labels, organ: Organ) -> Region:
    """Find the voxels of an organ.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K).
        organ: Which organ.

    Returns:
        Its voxels; an empty box if there are none.
    """
    mask = has_label(labels, organ.labels)
    box = find_box(mask) or (slice(0, 0), slice(0, 0), slice(0, 0))
    return Region(box, mask[box].copy())


def paint_tumors(
    labels: Labels,
    grid: Grid,
    organ: Organ,
    probability: AbstractTumorMap,
    *,
    threshold: float,
    ranks: npt.NDArray[np.uint8],
) -> float:
    """Call tumor what reaches a threshold.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        grid: Of the labels.
        organ: Whose tumors.
        probability: How likely each voxel is one.
        threshold: Least probability.
        ranks: As of `rank_labels`.

    Returns:
        The highest probability in the organ and its tumors; 0 if there is neither.
    """
    highest, own = 0.0, (*organ.labels, organ.tumor_label)
    least = max(threshold, _LEAST)
    for start, stop, values in probability.slabs(grid):
        view = labels[:, :, start:stop]
        reached = (values >= least) & (ranks[view] < ranks[organ.tumor_label])
        view[reached] = organ.tumor_label
        inside = values[has_label(view, own)]
        highest = max(highest, float(inside.max(initial=0)))
    return highest


def _slabs(shape: Sequence[int]) -> Iterator[slice]:
    """Cut (I, J, K) along k."""
    step = max(1, _SLAB_VOXELS // (shape[0] * shape[1]))
    for start in range(0, shape[2], step):
        yield slice(start, min(start + step, shape[2]))
