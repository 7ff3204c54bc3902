"""Training patches cut from anatomies that the phantom's own scanner has seen.

Patches rendered on the fly (`samples`) come cheap and vary most, but the shortcuts that they take
are learned, too: more of them found ever more tumors on patches of their own kind, and hardly more
on scans. So a share of the patches is cut from scans, which are simulated and brought to the
network's grid as any scan is, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ..inference.preprocess import preprocess
from ..organs import ORGANS
from ..phantom.scanner import (
    draw_acquisition,
    draw_appearance,
    render,
    sample_tissues,
    scan_grid,
)
from ..phantom.tumors import NEIGHBORS
from ..volume import Grid, Scan
from .patches import (
    BRIGHT,
    CHANNEL_OF_TISSUE,
    FINE,
    PHASES,
    ZOOM,
    Sample,
    balance_lesions,
    choose_corner,
    crop,
    find_majority,
    look_inside,
    shorten,
)
from .recipe import FIRST_TUMOR, Recipe

__all__ = ["ScannedAnatomy", "draw_scanned", "scan_anatomy"]

_RANDOMIZE = ((0.0, 0.3, 0.6, 1.0), (0.5, 0.25, 0.15, 0.1))  # how far, how often
_GAIN, _OFFSET_HU = (0.96, 1.04), (-8.0, 8.0)  # of each patch, for scanners differ
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ScannedAnatomy:
    """A scan of an anatomy on the network's grid.

    Args:
        image: As the network sees it, (I, J, K) float16 in [0, 1].
        channels: Reference channel of each voxel, (I, J, K) uint8.
        tumor_centers: Voxels, (N, 3).
        tumor_organs: Row of each tumor's organ in the organ table, (N,).
    """

    image: npt.NDArray[np.float16]
    channels: Bytes
    tumor_centers: npt.NDArray[np.float64]
    tumor_organs: npt.NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write it beside and rename; uncompressed, for it is read often."""
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(
                file,
                image=self.image,
                channels=self.channels,
                centers=self.tumor_centers,
                organs=self.tumor_organs,
            )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> ScannedAnatomy:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            return cls(data["image"], data["channels"], data["centers"], data["organs"])


def scan_anatomy(tissues: Bytes, recipe: Recipe, rng: np.random.Generator) -> ScannedAnatomy:
    """Stretch an anatomy, scan it, and bring the scan to the network's grid.

    Args:
        tissues: Tissue ids, (I, J, K), RAS, every `Recipe.anatomy_mm`.
        recipe: What the network sees.
        rng: Decides stretch, densities and scanner.

    Returns:
        The scan; air beside the body is cut off.
    """
    spacing = recipe.anatomy_mm * rng.uniform(*ZOOM, 3)
    source = Grid(tissues.shape, np.diag([*spacing, 1.0]))
    phase, randomize = str(rng.choice(PHASES)), float(rng.choice(_RANDOMIZE[0], p=_RANDOMIZE[1]))
    how = draw_acquisition(rng, phase=phase, slice_mm=None, in_plane_mm=None, noise_hu=None)
    target = scan_grid(source, how)
    looks = draw_appearance(rng, phase=phase, randomize=randomize, bright=BRIGHT)
    hu = render(rng, tissues, source, target, how, looks)
    seen = preprocess(Scan(hu, target), recipe.input)
    channels = _sample_channels(tissues, source, seen.grid)
    box = _find_body(source, seen.grid)
    channels = np.ascontiguousarray(channels[box])
    image = np.ascontiguousarray(seen.array.numpy()[box].astype(np.float16))
    return ScannedAnatomy(image, channels, *_find_tumors(channels))


def draw_scanned(scan: ScannedAnatomy, recipe: Recipe, rng: np.random.Generator) -> Sample:
    """Cut a patch out of a scan.

    Args:
        scan: The scan.
        recipe: Patch size, clip range, how often to center on a tumor.
        rng: Decides everything random.

    Returns:
        The patch.
    """
    shape, size = scan.channels.shape, np.array(recipe.patch)
    corner = choose_corner(shape, (scan.tumor_centers, scan.tumor_organs), size, recipe, rng)
    inside = look_inside(shape, corner, [np.arange(n) for n in size])
    shorten(inside, rng, step=1)
    i, j, k = inside
    keep = i[:, None, None] & j[:, None] & k
    low, high = recipe.clip_hu
    gain, offset = rng.uniform(*_GAIN), rng.uniform(*_OFFSET_HU)
    hu = low + (high - low) * crop(scan.image, corner, size).astype(np.float32)
    image = np.clip((gain * hu + offset - low) / (high - low), 0.0, 1.0).astype(np.float32) * keep
    channels = crop(scan.channels, corner, size) * keep
    balance = balance_lesions(channels, recipe.spacing_mm)
    return Sample(*(torch.from_numpy(one) for one in (image[None], channels, balance)))


def _sample_channels(tissues: Bytes, source: Grid, grid: Grid) -> Bytes:
    """Look the network's channels up twice as finely, and reduce to its grid by majority."""
    spacing = np.array(grid.spacing_mm)
    affine = np.diag([*(spacing / FINE), 1.0])
    affine[:3, 3] = grid.affine[:3, 3] - spacing / 2 + spacing / (2 * FINE)
    i, j, k = (FINE * n for n in grid.shape)
    fine = sample_tissues(tissues, source, Grid((i, j, k), affine))
    return find_majority(CHANNEL_OF_TISSUE[fine])


def _find_body(source: Grid, grid: Grid) -> tuple[slice, slice]:
    """Tell where in a slice the anatomy lies; the scan's square holds air beside it."""
    size = np.array(source.shape) * np.array(source.spacing_mm)
    first, spacing = np.array(grid.affine[:3, 3]), np.array(grid.spacing_mm)
    low = np.maximum(np.floor(-first / spacing).astype(int) - 1, 0)
    high = np.minimum(np.ceil((size - first) / spacing).astype(int) + 1, grid.shape)
    return slice(low[0], high[0]), slice(low[1], high[1])


def _find_tumors(channels: Bytes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Find the centers of tumors, (N, 3), and the rows of their organs, (N,)."""
    centers: list[tuple[float, ...]] = []
    rows: list[int] = []
    for row in range(len(ORGANS)):
        parts, n = ndimage.label(channels == FIRST_TUMOR + row, NEIGHBORS)
        centers += ndimage.center_of_mass(parts > 0, parts, range(1, n + 1))
        rows += [row] * n
    return np.array(centers, np.float64).reshape(-1, 3), np.array(rows, np.int64)
