"""How components grow and merge as the threshold falls: the branches of a max-tree.

Every basin starts a branch at its peak. Where two components meet the one with the higher peak
goes on and absorbs the other (the elder rule), so at any threshold each component is one branch,
and its highest voxel is the branch's. A branch's volume is a step function of the rank: kept as
the list of the voxels that enter it, in order, each with the volume it brings the branch to.

Source:
    The max-tree of Salembier et al., IEEE Trans. Image Process. 7 (1998) 555-570, contracted to
    basins; the elder rule of Edelsbrunner and Harer, Computational Topology (2010), VII.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..progress import Progress, ignore_progress
from .basins import Saddles, find_basins, find_saddles
from .foreground import Foreground, join_halves, list_parts

__all__ = ["Forest", "absorb", "accumulate", "find_entries", "find_holders", "grow_forest"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Numbers = TypeVar("Numbers", Ints, Longs)


@dataclass(frozen=True, eq=False)
class Forest:
    """All branches of a map; B branches, M voxels. The branch numbers rise with the peaks' ranks.

    Args:
        voxels: The ranked voxels.
        peak: (B,) rank of the highest voxel.
        death: (B,) rank of the voxel with which it is absorbed; M for never.
        parent: (B,) the branch that absorbs it; itself for never.
        order: (B or fewer,) the absorbed ones in the order in which they are.
        entered: (M,) branch that each voxel enters, by rank.
        key: (M,) `branch << 32 | rank` of each voxel, rising: voxels branch by branch.
        start: (B + 1,) where each branch begins in `key`.
        joins: The absorbed branches that show in the course of the absorbing one, and the places in
            `key` at which they do; one that is absorbed with the voxel that ends the absorber never
            shows.
        volume: (M,) voxels of the branch once the voxel of `key` has entered.
    """

    voxels: Foreground
    peak: Ints
    death: Ints
    parent: Ints
    order: Ints
    entered: Ints
    key: Longs
    start: Longs
    joins: tuple[Ints, Longs] = field(init=False)
    volume: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Find what follows from the rest."""
        joins = _find_joins(self.key, self.parent, self.death, self.order)
        object.__setattr__(self, "joins", joins)
        ones = np.ones(self.key.size, np.int32)
        object.__setattr__(self, "volume", accumulate(ones, self))

    def find_entries(
        self, branch: npt.NDArray[np.integer[Any]], n: npt.NDArray[np.integer[Any]]
    ) -> Longs:
        """Find the last voxel that has entered a branch among the n highest voxels.

        Args:
            branch: (N,).
            n: (N,) more than the rank of the branch's peak.

        Returns:
            (N,) places in `key` and `volume`.
        """
        return find_entries(self.key, branch, n)


def find_entries(
    key: Longs, branch: npt.NDArray[np.integer[Any]], n: npt.NDArray[np.integer[Any]]
) -> Longs:
    """Find the last of a branch's entries among the n highest voxels.

    Args:
        key: (M,) `branch << 32 | rank`, rising.
        branch: (N,).
        n: (N,) more than the rank of the branch's first entry.

    Returns:
        (N,) places in `key`.
    """
    wanted = (branch.astype(np.int64) << 32) | (n.astype(np.int64) - 1)
    return np.searchsorted(key, wanted, side="right") - 1


def grow_forest(voxels: Foreground, *, progress: Progress = ignore_progress) -> Forest:
    """Find the branches of a map.

    Args:
        voxels: Its candidate voxels.
        progress: Told how far it is.

    Returns:
        The forest; no branches if there are no voxels.
    """
    basins = find_basins(voxels)
    peak, basin = basins.peak, basins.basin
    progress(0.5, "finding peaks")
    saddles = find_saddles(basins)
    progress(0.8, "finding peaks")
    parent, death, order = _merge(saddles, peak.size, basin.size)
    entered = _enter(basin, parent, death)
    key = join_halves(entered)
    key.sort()
    start = np.searchsorted(key, np.arange(peak.size + 1, dtype=np.int64) << 32)
    progress(1.0, "finding peaks")
    return Forest(voxels, peak, death, parent, order, entered, key, start)


def accumulate(amounts: Numbers, forest: Forest) -> Numbers:
    """Sum what voxels bring, along each branch and over the branches that it absorbs.

    Args:
        amounts: (M,) what each voxel of `Forest.key` brings; overwritten.
        forest: B branches.

    Returns:
        (M,) the branch's sum once the voxel has entered.
    """
    if not amounts.size:
        return amounts
    first = forest.start[:-1]
    own = np.add.reduceat(amounts, first, dtype=np.int64)
    shown, at = forest.joins
    joined = absorb(own, forest.parent, forest.order)[shown]
    np.add.at(amounts, at, joined.astype(amounts.dtype))
    # Taking the sum of the branch before from each branch's first voxel makes it begin at nothing.
    np.add.at(own, forest.parent[shown], joined)
    amounts[first[1:]] -= own[:-1].astype(amounts.dtype)
    return np.cumsum(amounts, dtype=amounts.dtype, out=amounts)


def find_holders(forest: Forest, branch: npt.NDArray[np.integer[Any]]) -> Ints:
    """Find the absorbed branches that hold any of some branches' voxels.

    Args:
        forest: B branches.
        branch: (N,) some of them.

    Returns:
        Those branches that are absorbed, and the absorbed ones among those that absorb them, in
        the order of `Forest.order`.
    """
    holds = np.zeros(forest.peak.size, bool)
    while branch.size:
        holds[branch] = True
        branch = forest.parent.take(branch)
        branch = branch[~holds.take(branch)]
    return forest.order[holds.take(forest.order)]


def _find_joins(key: Longs, parent: Ints, death: Ints, order: Ints) -> tuple[Ints, Longs]:
    """Find with which voxels branches absorb others."""
    shown = order[death[order] < death[parent[order]]]
    return shown, np.searchsorted(key, (parent[shown].astype(np.int64) << 32) | death[shown])


def absorb(own: Longs, parent: Ints, order: Ints) -> Longs:
    """Add to each branch what the branches that it absorbs bring.

    Args:
        own: (B,) what its own voxels bring.
        parent: (B,) who absorbs it.
        order: The absorbed ones, in order.

    Returns:
        (B,) the sums in the end.
    """
    totals: list[int] = own.tolist()
    for child, elder in zip(order.tolist(), parent[order].tolist(), strict=True):
        totals[elder] += totals[child]
    return np.array(totals, np.int64)


def _merge(saddles: Saddles, n_basins: int, n_voxels: int) -> tuple[Ints, Ints, Ints]:
    """Absorb branches from the highest saddle on: parent and death of each, and their order."""
    group, parent = list(range(n_basins)), list(range(n_basins))
    death = [n_voxels] * n_basins
    order = []
    edges = (saddles.first.tolist(), saddles.second.tolist(), saddles.rank.tolist())
    for first, second, rank in zip(*edges, strict=True):
        # Twice the same walk to the root, halving the path: a call of a function costs as much.
        elder, younger = first, second
        while group[elder] != elder:
            group[elder] = elder = group[group[elder]]
        while group[younger] != younger:
            group[younger] = younger = group[group[younger]]
        if elder > younger:
            elder, younger = younger, elder
        group[younger] = parent[younger] = elder
        death[younger] = rank
        order.append(younger)
    return np.array(parent, np.int32), np.array(death, np.int32), np.array(order, np.int32)


def _enter(basin: Ints, parent: Ints, death: Ints) -> Ints:
    """Find the branch that each voxel enters: the first up from its basin that outlives it."""
    entered = np.empty_like(basin)
    alive = np.arange(parent.size, dtype=np.int32)
    for part in list_parts(basin.size):
        # Where the part begins, each branch is what has absorbed it so far: few go on from there.
        alive = _ascend(alive, np.int32(part.start), parent, death)
        ranks = np.arange(part.start, part.stop, dtype=np.int32)
        entered[part] = _ascend(alive.take(basin[part]), ranks, parent, death)
    return entered


def _ascend(branch: Ints, rank: Any, parent: Ints, death: Ints) -> Ints:
    """Go up from each branch to the first that outlives a rank, in place."""
    goes_on = np.flatnonzero(death.take(branch) <= rank)
    while goes_on.size:
        further = parent.take(branch.take(goes_on))
        branch[goes_on] = further
        ranks = rank if np.ndim(rank) == 0 else rank.take(goes_on)
        goes_on = goes_on[death.take(further) <= ranks]
    return branch
