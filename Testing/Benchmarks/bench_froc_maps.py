"""Made-up probability maps of three kinds, with the lesions that they are of.

sparse: a hundred sharp lumps in an empty body, as a sure network draws them. noisy: one organ
filled with weak speckle, and lumps in it. heavy: a large organ in which everything is a little
suspect. Values are steps of 2^-15, as this program writes its maps, or plain float32. Small ones to
count on beside other programs have speckle, lumps and lesions in pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

KINDS = ("sparse", "noisy", "heavy")

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recipe:
    """Shares are of the volume's sides; `speckle` is the probability of the background."""

    organ: float
    speckle: float
    n_lesions: int
    n_others: int
    radius: float


RECIPES = {
    "sparse": Recipe(organ=0.0, speckle=0.0, n_lesions=13, n_others=87, radius=0.021),
    "noisy": Recipe(organ=0.21, speckle=0.14, n_lesions=19, n_others=60, radius=0.022),
    "heavy": Recipe(organ=0.26, speckle=0.45, n_lesions=35, n_others=60, radius=0.022),
}


def make_map(
    kind: str, shape: tuple[int, int, int], *, fine: bool = False, seed: int = 0
) -> tuple[Floats, Mask]:
    """Make a map and its reference mask, (I, J, K) both; `fine` leaves values as float32."""
    generator = np.random.default_rng(seed)
    recipe = RECIPES[kind]
    probability = np.zeros(shape, np.float32)
    mask = np.zeros(shape, bool)
    if recipe.organ:
        add_organ(probability, recipe, generator)
    for n in range(recipe.n_lesions + recipe.n_others):
        add_lump(probability, mask, recipe, generator, is_lesion=n < recipe.n_lesions)
    if not fine:
        for plane in probability:
            np.round(plane * 2**15, out=plane)
            plane /= 2**15
    return probability, mask


def add_organ(probability: Floats, recipe: Recipe, generator: np.random.Generator) -> None:
    """Fill an ellipsoid in the middle with speckle."""
    sides = [max(4, round(recipe.organ * n)) for n in probability.shape]
    box = tuple(
        slice(n // 2 - r, n // 2 + r) for n, r in zip(probability.shape, sides, strict=True)
    )
    patch = probability[box]
    grain = ndimage.gaussian_filter(generator.random(patch.shape, np.float32), 1.0)
    grain = np.clip(0.5 + (grain - grain.mean()) / (6 * grain.std()), 0, 1)
    inside = distance(patch.shape) < 1.0
    patch[inside] = (recipe.speckle * grain)[inside]


def add_lump(
    probability: Floats,
    mask: Mask,
    recipe: Recipe,
    generator: np.random.Generator,
    *,
    is_lesion: bool,
) -> None:
    """Put a fuzzy ball somewhere; a lesion's reference is the ball, a little moved."""
    shape = probability.shape
    scale = generator.uniform(0.4, 1.3) * recipe.radius * shape[0]
    radius = max(2, round(scale))
    reach = 2 * radius
    spread = 1.4 * recipe.organ / 2 if recipe.organ else 0.35
    center = [
        int(np.clip(n * (0.5 + generator.uniform(-spread, spread)), reach, n - reach - 1))
        for n in shape
    ]
    box = tuple(slice(max(0, c - reach), c + reach + 1) for c in center)
    patch = probability[box]
    away = 2 * distance(patch.shape)
    grain = generator.normal(0.0, 0.08, patch.shape)
    height = generator.uniform(0.4, 0.98) if is_lesion else generator.uniform(0.1, 0.9)
    lump = height / (1.0 + np.exp(6 * (away - 0.9))) + grain * (away < 1.3)
    np.maximum(patch, np.clip(lump * (away < 1.5), 0, 1), out=patch, casting="unsafe")
    if is_lesion:
        moved = ndimage.shift(
            (away < 1.0).astype(np.float32), generator.integers(-2, 3, 3), order=0
        )
        mask[box] |= moved > 0.5


def distance(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """From the middle of a box, 1 at the middles of its faces."""
    axes = [np.linspace(-1, 1, n) for n in shape]
    i, j, k = np.ix_(*axes)
    return np.sqrt(i * i + j * j + k * k)


@dataclass(frozen=True, eq=False)
class PeerCase:
    """A map and the mask of its lesions, all of them of the least volume at least."""

    name: str
    probability: Floats
    mask: Mask


def make_case(seed: int) -> PeerCase:
    """Make a small map of speckle, lumps and lesions, some in pieces, some side by side."""
    generator = np.random.default_rng(seed)
    shape = (48, 40, 32)
    ijk = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    grain = ndimage.gaussian_filter(generator.random(shape), 1.5)
    probability = 0.35 * (grain - grain.min()) / np.ptp(grain)
    mask = np.zeros(shape, bool)
    for n in range(int(generator.integers(1, 9))):
        center, radius = generator.uniform(6, np.array(shape) - 6), generator.uniform(3, 6)
        if n % 3 < 2:
            mask |= np.linalg.norm(ijk - center, axis=-1) < radius
        for _ in range(int(generator.integers(1, 3))):
            moved = center + generator.uniform(-5, 5, 3)
            away = np.linalg.norm(ijk - moved, axis=-1) / generator.uniform(0.6, 1.0) / radius
            lump = generator.uniform(0.2, 1.0) / (1 + np.exp(8 * (away - 0.9)))
            probability = np.maximum(probability, lump * (0.5 + grain))
    return PeerCase(f"small-{seed:02}", np.clip(probability, 0, 1).astype(np.float32), mask)
