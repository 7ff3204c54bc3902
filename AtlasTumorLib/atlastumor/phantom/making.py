"""A whole phantom from a seed: painted, scanned, labeled and described."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..errors import InputError
from ..organs import ORGANS, label_names
from ..progress import Progress, ignore_progress
from ..volume import Grid, LabelMap, Scan
from .anatomy import FIELDS_OF_VIEW, SEXES, Anatomy, make_anatomy
from .canvas import Vector
from .hounsfield import PHASES
from .scanner import (
    Acquisition,
    Appearance,
    draw_acquisition,
    draw_appearance,
    render,
    sample_tissues,
    scan_grid,
    stored_grid,
)
from .tissues import TISSUE_LABEL, draw_phase
from .tumors import NEIGHBORS, PhantomLesion, TumorOptions, measure_tumors

__all__ = ["Phantom", "PhantomOptions", "Scene", "make_phantom", "make_scene"]

_FINEST_MM = 1.1  # finer anatomies cost minutes and gigabytes
_FRAGMENT_ML = 0.06  # a sphere of 2.4 mm radius; no tumor is drawn as small
_SCAN_STREAM = 1  # keeps the scanner's random numbers apart from the anatomy's
_RANGES = {"slice_mm": (0.5, 10.0), "in_plane_mm": (0.5, 5.0), "noise_hu": (0.0, 200.0)}


@dataclass(frozen=True)
class PhantomOptions:
    """What to fix about a phantom; None lets the seed choose.

    Args:
        field_of_view: Key of `FIELDS_OF_VIEW`.
        phase: Contrast phase, one of "none", "arterial", "portal", "delayed".
        sex: "female" or "male".
        slice_mm: Thickness of slices, 0.5 to 10.
        in_plane_mm: Size of a pixel, 0.5 to 5; by default a matrix of 256 covers the body.
        noise_hu: Standard deviation of the grain, 0 to 200.
        tumors: How many tumors and where.

    Raises:
        InputError: If a value is out of range.
    """

    field_of_view: str | None = None
    phase: str | None = None
    sex: str | None = None
    slice_mm: float | None = None
    in_plane_mm: float | None = None
    noise_hu: float | None = None
    tumors: TumorOptions = field(default_factory=TumorOptions)

    def __post_init__(self) -> None:
        """Check every field."""
        choices = {"field_of_view": tuple(FIELDS_OF_VIEW), "phase": PHASES, "sex": SEXES}
        for name, valid in choices.items():
            value = getattr(self, name)
            if value is not None and value not in valid:
                msg = f"{name} must be one of {', '.join(valid)}; got '{value}'."
                raise InputError(msg)
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                msg = f"{name} must be from {low:g} to {high:g}; got {value}."
                raise InputError(msg)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic CT and the truth about it.

    Args:
        scan: HU, int16.
        labels: AbdomenAtlas 2.0 numbers on the scan's grid.
        lesions: Every tumor as it lies in `labels`.
        description: Seed, sex, phase, spacing, lesions and more, fit for JSON.
    """

    scan: Scan
    labels: LabelMap
    lesions: tuple[PhantomLesion, ...]
    description: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Scene:
    """A body before the scanner.

    Args:
        rng: Draws the grain of the scan, once.
        anatomy: The body.
        acquisition: How it is scanned.
        target: The scan's grid, its axes along R, A, S.
        appearance: How its tissues look.
    """

    rng: np.random.Generator
    anatomy: Anatomy
    acquisition: Acquisition
    target: Grid
    appearance: Appearance

    def scan(self) -> npt.NDArray[np.int16]:
        """Take the scan: HU on the target."""
        body = self.anatomy.tissues, self.anatomy.grid
        return render(self.rng, *body, self.target, self.acquisition, self.appearance)

    def find_labels(self) -> npt.NDArray[np.uint8]:
        """Look up the label of every voxel of the target."""
        tissues = sample_tissues(self.anatomy.tissues, self.anatomy.grid, self.target)
        labels = TISSUE_LABEL[tissues]
        _tidy_tumors(labels, self.target)
        return labels


def make_phantom(
    seed: int,
    *,
    options: PhantomOptions = PhantomOptions(),
    progress: Progress = ignore_progress,
) -> Phantom:
    """Make a phantom; the same seed and options give the same bytes.

    Args:
        seed: Not negative. Training uses seeds below `TRAINING_SEED_END`, evaluation those from
            `HELD_OUT_SEED` on.
        options: What to fix.
        progress: Told how far it is.

    Returns:
        The phantom.

    Raises:
        InputError: If the seed is negative.
    """
    scene = make_scene(seed, options=options, progress=progress)
    progress(0.6, "Scanning")
    hu = scene.scan()
    grid, flip = stored_grid(scene.target, scene.acquisition)
    stored = np.ascontiguousarray(scene.find_labels()[flip])
    lesions = measure_tumors(stored, grid)
    description = _describe(seed, scene, grid, lesions)
    progress(1.0, "Scanning")
    scan = Scan(np.ascontiguousarray(hu[flip]), grid)
    return Phantom(scan, LabelMap(stored, grid, label_names()), lesions, description)


def make_scene(
    seed: int, *, options: PhantomOptions, progress: Progress = ignore_progress
) -> Scene:
    """Make what a phantom's scan is taken of.

    Args:
        seed: As for `make_phantom`.
        options: The same.
        progress: The same.

    Returns:
        The scene.

    Raises:
        InputError: If the seed is negative.
    """
    if seed < 0:
        msg = f"A seed is not negative; got {seed}. Choose 0 or more."
        raise InputError(msg)
    rng = np.random.default_rng((seed, _SCAN_STREAM))
    acquisition = _draw_acquisition(rng, options)
    progress(0.0, "Painting the body")
    anatomy = make_anatomy(
        seed,
        spacing_mm=_fine_spacing(acquisition),
        tumors=_keep_apart(options.tumors, acquisition),
        field_of_view=options.field_of_view,
        sex=options.sex,
    )
    appearance = draw_appearance(rng, phase=acquisition.phase)
    return Scene(rng, anatomy, acquisition, scan_grid(anatomy.grid, acquisition), appearance)


def _draw_acquisition(rng: np.random.Generator, options: PhantomOptions) -> Acquisition:
    return draw_acquisition(
        rng,
        phase=draw_phase(rng, options.phase),
        slice_mm=options.slice_mm,
        in_plane_mm=options.in_plane_mm,
        noise_hu=options.noise_hu,
    )


def _fine_spacing(acquisition: Acquisition) -> Vector:
    """Spacing of the anatomy: finer than the scan, so that voxels mix tissues."""
    pixel = max(0.8 * (acquisition.in_plane_mm or 1.6), _FINEST_MM)
    parts = max(round(acquisition.slice_mm / 1.6), 1)
    return pixel, pixel, max(acquisition.slice_mm / parts, _FINEST_MM)


def _keep_apart(tumors: TumorOptions, acquisition: Acquisition) -> TumorOptions:
    """Widen the gap between tumors so that they do not touch on the scan's coarser grid."""
    coarsest = max(acquisition.slice_mm, acquisition.in_plane_mm or 0.0)
    return replace(tumors, gap_mm=max(tumors.gap_mm, 2.1 * coarsest))


def _tidy_tumors(labels: npt.NDArray[np.uint8], grid: Grid) -> None:
    """Give fragments that sampling broke off a tumor back to its organ, in place."""
    for organ in ORGANS:
        parts, n = ndimage.label(labels == organ.tumor_label, NEIGHBORS)
        if n < 2:
            continue
        counts = np.bincount(parts.ravel())
        small = [p for p in range(1, n + 1) if counts[p] * grid.voxel_ml < _FRAGMENT_ML]
        for part, box in enumerate(ndimage.find_objects(parts), start=1):
            if part in small:
                around = tuple(slice(max(s.start - 3, 0), s.stop + 3) for s in box)
                near = labels[around]
                choices = [int((near == label).sum()) for label in organ.labels]
                near[parts[around] == part] = organ.labels[int(np.argmax(choices))]


def _describe(
    seed: int, scene: Scene, grid: Grid, lesions: tuple[PhantomLesion, ...]
) -> dict[str, Any]:
    """Tell everything about a phantom in terms that JSON holds."""
    return {
        "kind": "AtlasTumor phantom: synthetic, of no patient",
        "seed": int(seed),
        "sex": scene.anatomy.sex,
        "phase": scene.acquisition.phase,
        "field_of_view": scene.anatomy.coverage,
        "shape": list(grid.shape),
        "spacing_mm": [round(s, 4) for s in grid.spacing_mm],
        "orientation": grid.axcodes,
        "noise_hu": round(scene.acquisition.noise_hu, 2),
        "lesions": [
            {
                **asdict(lesion),
                "center_ras": [round(c, 2) for c in lesion.center_ras],
                "diameter_mm": round(lesion.diameter_mm, 2),
                "volume_ml": round(lesion.volume_ml, 4),
            }
            for lesion in lesions
        ],
    }
