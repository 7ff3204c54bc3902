"""Tumors grown cell by cell: a cellular automaton on a lattice of its own.

The lattice is cubic, with its pitch in proportion to the tumor, so that thick slices and fine ones
grow the same body and every size costs the same. Cells multiply, press on dense tissue until it
yields, and die in the middle of large tumors.

Source:
    Lai et al., "From Pixel to Cancer: Cellular Automata in Computed Tomography", MICCAI 2024.
    Differs: densities are levelled around the organ's own median and not at fixed HU; growth ends
    at a volume and not after a number of steps; saturated cells go on dividing at the border, so
    that growth does not stall before; cores lie near the center, so that the tumor is one; nearer
    neighbors are likelier targets; a rim always lives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..components import Mask
from .culture import Culture, make_culture, spread_to_patch
from .patch import Patch
from .room import check_room, cut_to_share
from .shape_types import Shape

__all__ = ["make_automaton"]

Cells = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

_FULL = 10  # cells that one place holds
_MATURE = 5  # cells from which it sends out others
_TRIES = 3  # neighbors tried in one step
_SPARE = 1.15  # volume grown relative to that asked for, so that the mask can be cut to size
_MAX_STEPS = 600
_STALLED = 60  # steps without new ground after which growth has ended
_EXTRA_CORES = 8
_CORE_SPREAD = 0.15  # of the cores around the center, relative to the radius

_NECROSIS_FROM_MM = 20.0
_NECROSIS_CHANCE = 0.5
_NECROSIS_SEEDS = (5, 20)
_NECROSIS_SPREAD = 0.22  # of its seeds around the center, relative to the radius
_NECROSIS_REACH = (0.15, 0.35)  # steps of its growth relative to the radius in cells
_LIVING_RIM = 0.2  # depth from which cells may die relative to the radius
_LEAST_LIVING = 0.1  # saturation that every living voxel of the tumor has at least


@dataclass(eq=False)
class _Colony:
    """A growing tumor: flat arrays over the lattice, and the places taken in order of arrival."""

    state: npt.NDArray[np.int16]
    arrival: Floats
    taken: Cells


def make_automaton(
    patch: Patch,
    allowed: Mask,
    diameter_mm: float,
    rng: np.random.Generator,
    *,
    most_outside: float = 1.0,
) -> Shape:
    """Grow a tumor from a few cells until it has the volume asked for.

    Args:
        patch: Where; the shape contains its center.
        allowed: Voxels that it may take up, (I, J, K).
        diameter_mm: Diameter of the ball of equal volume, mm.
        rng: Source of randomness.
        most_outside: Share of it that may lie outside the organ; cells that would go beyond stay.

    Returns:
        Its voxels, and how filled with living or dead cells each is.

    Raises:
        PlacementError: If there is no room for it; names the largest that fits.
    """
    check_room(patch, allowed, diameter_mm)
    culture = make_culture(patch, allowed, diameter_mm)
    colony = _grow(culture, rng, most_outside)
    dead = _kill(culture, colony, rng) if diameter_mm >= _NECROSIS_FROM_MM else None
    level = spread_to_patch(culture, culture.extend(colony.arrival), patch)
    mask = cut_to_share(level, patch, allowed, diameter_mm, most_outside)
    return Shape(mask, _measure_cells(culture, colony, dead, patch, mask))


def _grow(culture: Culture, rng: np.random.Generator, most_outside: float) -> _Colony:
    """Let cells multiply from cores until they fill the volume, or all that can be reached.

    Once the share is used up, no more cells settle outside the organ.
    """
    state = np.zeros(culture.size, np.int16)
    arrival = np.full(culture.size, np.inf, np.float32)
    cores = _choose_cores(culture, rng)
    state[cores] = _MATURE
    arrival[cores] = 0.0
    colony = _Colony(state, arrival, cores)
    resistance = culture.resistance.copy()
    resistance[cores] = 0
    last_gain, most = 0, most_outside * culture.n_wanted
    for step in range(1, _MAX_STEPS):
        if len(colony.taken) >= _SPARE * culture.n_wanted or step - last_gain > _STALLED:
            break
        if _step(culture, colony, resistance, step, rng):
            last_gain = step
        if np.count_nonzero(culture.is_outside[colony.taken]) >= most:
            culture = replace(culture, is_open=culture.is_open & ~culture.is_outside)
            most = np.inf
    return colony


def _choose_cores(culture: Culture, rng: np.random.Generator) -> Cells:
    """The center and up to eight places near it, as flat indices."""
    n = int(rng.integers(0, _EXTRA_CORES + 1))
    spread = _CORE_SPREAD * culture.radius_cells
    offsets = np.rint(rng.normal(0.0, spread, (n, 3))).astype(np.intp)
    offsets = np.clip(offsets, -round(2 * spread), round(2 * spread))
    places = culture.center + offsets @ culture.strides
    return np.unique(np.append(places[culture.is_open[places]], culture.center))


def _step(
    culture: Culture,
    colony: _Colony,
    resistance: npt.NDArray[np.int16],
    step: int,
    rng: np.random.Generator,
) -> bool:
    """Age every place by a cell and let the mature send cells out; tell whether ground was won."""
    state = colony.state
    trying = colony.taken[state[colony.taken] >= _MATURE]
    state[colony.taken] = np.minimum(state[colony.taken] + 1, _FULL)
    before = len(colony.taken)
    for _ in range(_TRIES):
        target = trying + culture.neighbors[rng.integers(len(culture.neighbors), size=len(trying))]
        free = culture.is_open[target] & (state[target] < _FULL)
        blocked = free & (resistance[target] > 0)
        accepted = free & ~blocked & (rng.random(len(trying)) < culture.welcome[target])
        pushed = blocked & (state[trying] == _FULL)
        np.subtract.at(resistance, target[pushed], 1)
        _settle(colony, np.unique(target[accepted]), step)
        trying = trying[~accepted]
    return len(colony.taken) > before


def _settle(colony: _Colony, places: Cells, step: int) -> None:
    """Add a cell to each of some places."""
    colony.state[places] += 1
    new = places[np.isinf(colony.arrival[places])]
    colony.arrival[new] = step
    colony.taken = np.concatenate([colony.taken, new])


def _kill(culture: Culture, colony: _Colony, rng: np.random.Generator) -> Floats | None:
    """Let cells die from the middle outwards, half of the time; 1 where they are dead."""
    if rng.random() >= _NECROSIS_CHANCE:
        return None
    depth = culture.measure_depth(colony.taken)
    core = int(np.argmax(depth))
    full = (colony.state == _FULL) & (depth > _LIVING_RIM * culture.radius_cells)
    n = int(rng.integers(*_NECROSIS_SEEDS, endpoint=True))
    offsets = rng.normal(0.0, _NECROSIS_SPREAD * culture.radius_cells, (n, 3))
    half = culture.radius_cells // 2
    places = core + np.clip(np.rint(offsets).astype(np.intp), -half, half) @ culture.strides
    dead = np.unique(np.append(np.clip(places, 0, culture.size - 1), core))
    dead = dead[full[dead]]
    gone = np.zeros(culture.size, np.float32)
    gone[dead] = 1.0
    for _ in range(max(round(rng.uniform(*_NECROSIS_REACH) * culture.radius_cells), 1)):
        for _ in range(_TRIES):
            target = dead + culture.neighbors[rng.integers(len(culture.neighbors), size=len(dead))]
            new = np.unique(target[full[target] & (gone[target] == 0)])
            gone[new] = 1.0
            dead = np.concatenate([dead, new])
    return gone


def _measure_cells(
    culture: Culture, colony: _Colony, dead: Floats | None, patch: Patch, mask: Mask
) -> Floats:
    """Saturation (I, J, K) of each voxel: in [0, 1] living, in [-1, 0) dead, 0 outside."""
    living = spread_to_patch(culture, (colony.state / np.float32(_FULL)).astype(np.float32), patch)
    cells = np.clip(living, _LEAST_LIVING, 1.0)
    if dead is not None:
        share = spread_to_patch(culture, dead, patch)
        cells = np.where(share > 0.5, -np.minimum(share, 1.0), cells)
    return np.where(mask, cells, 0.0).astype(np.float32)
