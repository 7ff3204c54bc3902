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

from ..errors import InputError
from ..inference.preprocess import preprocess
from ..phantom.scanner import (
    Appearance,
    draw_acquisition,
    draw_appearance,
    render,
    sample_tissues,
    scan_grid,
)
from ..volume import Grid, Scan
from .contents import vary_contents
from .lesions import balance_lesions, find_lesions, measure_snr, weigh_snr
from .patches import (
    BRIGHT,
    CHANNEL_OF_TISSUE,
    FINE,
    PHASES,
    ZOOM,
    Sample,
    Tumors,
    choose_corner,
    find_majority,
    shorten,
)
from .recipe import Recipe
from .warp import draw_warp, find_places
from .withering import wither_pancreas

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
        balance: Weight of each voxel, (I, J, K) float16.
        tumors: What lies in it.
    """

    image: npt.NDArray[np.float16]
    channels: Bytes
    balance: npt.NDArray[np.float16]
    tumors: Tumors

    def save(self, path: Path) -> None:
        """Write it beside and rename; uncompressed, for it is read often."""
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(
                file,
                image=self.image,
                channels=self.channels,
                balance=self.balance,
                centers=self.tumors.centers,
                organs=self.tumors.organs,
                odds=self.tumors.odds,
            )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> ScannedAnatomy:
        """Read what `save` wrote.

        Args:
            path: The file.

        Returns:
            The scan.

        Raises:
            InputError: If an earlier version wrote it.
        """
        with np.load(path, allow_pickle=False) as data:
            if missing := {"balance", *Tumors._fields} - set(data):
                msg = (
                    f"{path.name} lacks {', '.join(sorted(missing))}: an earlier version scanned "
                    "these anatomies. Delete the pool's scans; they are then made anew."
                )
                raise InputError(msg)
            tumors = Tumors(*(data[name] for name in Tumors._fields))
            return cls(data["image"], data["channels"], data["balance"], tumors)


def scan_anatomy(tissues: Bytes, recipe: Recipe, rng: np.random.Generator) -> ScannedAnatomy:
    """Stretch an anatomy, scan it, and bring the scan to the network's grid.

    Args:
        tissues: Tissue ids, (I, J, K), RAS, every `Recipe.anatomy_mm`.
        recipe: What the network sees.
        rng: Decides stretch, the pancreas' shape, densities and scanner.

    Returns:
        The scan; air beside the body is cut off.
    """
    tissues = wither_pancreas(tissues, recipe.anatomy_mm, rng)
    spacing = recipe.anatomy_mm * rng.uniform(*ZOOM, 3)
    source = Grid(tissues.shape, np.diag([*spacing, 1.0]))
    phase, randomize = str(rng.choice(PHASES)), float(rng.choice(_RANDOMIZE[0], p=_RANDOMIZE[1]))
    how = draw_acquisition(rng, phase=phase, slice_mm=None, in_plane_mm=None, noise_hu=None)
    target = scan_grid(source, how)
    drawn = draw_appearance(rng, phase=phase, randomize=randomize, bright=BRIGHT)
    mean, texture = vary_contents(drawn.mean_hu, drawn.texture_hu, rng)
    looks = Appearance(mean, texture, drawn.blob_mm)
    hu = render(rng, tissues, source, target, how, looks)
    seen = preprocess(Scan(hu, target), recipe.input)
    channels = _sample_channels(tissues, source, seen.grid)
    box = _find_body(source, seen.grid)
    channels = np.ascontiguousarray(channels[box])
    image = np.ascontiguousarray(seen.array.numpy()[box])
    lesions = find_lesions(channels)
    low, high = recipe.clip_hu
    shown = (low + (high - low) * image).astype(np.float32)
    weights, odds = weigh_snr(measure_snr(lesions, shown, channels))
    balance = balance_lesions(channels, recipe.spacing_mm, lesions, weights)
    tumors = Tumors(lesions.centers, lesions.organs, odds)
    return ScannedAnatomy(image.astype(np.float16), channels, balance.astype(np.float16), tumors)


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
    corner = choose_corner(shape, scan.tumors, size, recipe, rng)
    places = find_places(corner, size, size, draw_warp(rng, recipe.warped))
    seen = places.inside(shape) & shorten(size, rng)
    low, high = recipe.clip_hu
    gain, offset = rng.uniform(*_GAIN), rng.uniform(*_OFFSET_HU)
    hu = low + (high - low) * places.look_up(scan.image).astype(np.float32)
    image = np.clip((gain * hu + offset - low) / (high - low), 0.0, 1.0).astype(np.float32) * seen
    channels = places.look_up(scan.channels) * seen
    balance = np.where(seen, places.look_up(scan.balance), 1.0).astype(np.float32)
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
