"""A whole body painted from a seed: the door that training comes in by.

    anatomy = make_anatomy(7, spacing_mm=1.5)
    mean, texture = sample_hu(rng, phase="portal", randomize=0.5)
    hu = mean[anatomy.tissues]

The same seed, spacing and options give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..volume import Grid
from .body import paint_arms, paint_body, paint_table, paint_thorax
from .canvas import Canvas, Vector
from .hollow_organs import (
    paint_bladder,
    paint_colon,
    paint_duodenum,
    paint_esophagus,
    paint_small_bowel,
    paint_stomach,
)
from .kidneys import paint_kidneys
from .person import Person, draw_person
from .skeleton import paint_muscles, paint_skeleton
from .solid_organs import (
    paint_gallbladder,
    paint_liver,
    paint_pancreas,
    paint_spleen,
    paint_womb_or_prostate,
)
from .tissues import TISSUE_LABEL
from .tumor_painting import paint_tumors
from .tumors import PhantomLesion, TumorOptions, measure_tumors
from .variety import PANCREAS, SMALL_BOWEL, STOMACH, Spread, paint_moved
from .vessels import paint_mesentery, paint_vessels

__all__ = ["FIELDS_OF_VIEW", "SEXES", "Anatomy", "make_anatomy"]

SEXES = ("female", "male")

FIELDS_OF_VIEW: dict[str, tuple[float, float]] = {
    "abdomen-pelvis": (-218.0, 186.0),
    "chest-abdomen-pelvis": (-218.0, 330.0),
    "abdomen": (-95.0, 192.0),
    "upper abdomen": (-25.0, 192.0),
}
"""Lowest and highest slice in body coordinates, mm from the third lumbar vertebra."""

_Painter = Callable[[np.random.Generator], None]
_OFTEN = (0.55, 0.15, 0.18, 0.12)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One painted body.

    Args:
        tissues: Tissue ids, (I, J, K) uint8, axes along R, A, S.
        grid: Where the voxels lie.
        sex: "female" or "male".
        lesions: Every tumor as it lies in `labels`.
        coverage: Key of `FIELDS_OF_VIEW`.
    """

    tissues: npt.NDArray[np.uint8]
    grid: Grid
    sex: str
    lesions: tuple[PhantomLesion, ...]
    coverage: str

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """AbdomenAtlas 2.0 labels, (I, J, K) uint8."""
        result: npt.NDArray[np.uint8] = TISSUE_LABEL[self.tissues]
        return result


def make_anatomy(
    seed: int,
    *,
    spacing_mm: float | Vector = 1.5,
    tumors: TumorOptions | None = None,
    field_of_view: str | None = None,
    sex: str | None = None,
    varied: bool = False,
) -> Anatomy:
    """Paint a body.

    Args:
        seed: Not negative; see `seeds` for which are for what.
        spacing_mm: Voxel size, at least 0.5; one number or one for each of R, A, S.
        tumors: How many tumors and where; None for the defaults.
        field_of_view: Key of `FIELDS_OF_VIEW`; None lets the seed choose.
        sex: "female" or "male"; None lets the seed choose.
        varied: Whether organs lie and run less alike (`variety`).

    Returns:
        The body.

    Raises:
        InputError: If an option is out of range.
    """
    spacing = _check_spacing(spacing_mm)
    _check_choice("field of view", field_of_view, tuple(FIELDS_OF_VIEW))
    _check_choice("sex", sex, SEXES)
    if seed < 0:
        msg = f"A seed is not negative; got {seed}."
        raise InputError(msg)
    rng = np.random.default_rng(seed)
    views = list(FIELDS_OF_VIEW)
    chosen = field_of_view or str(rng.choice(views, p=_OFTEN))
    person = draw_person(rng, sex)
    canvas = _lay_out(rng, person, chosen, spacing)
    _paint_everything(rng, canvas, person, varied=varied)
    paint_tumors(rng, canvas, tumors or TumorOptions())
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = canvas.first_mm
    grid = Grid(canvas.shape, affine)
    lesions = measure_tumors(TISSUE_LABEL[canvas.tissues], grid)
    return Anatomy(canvas.tissues, grid, person.sex, lesions, chosen)


def _check_spacing(spacing_mm: float | Vector) -> Vector:
    values = np.broadcast_to(np.asarray(spacing_mm, float), (3,))
    if not np.isfinite(values).all() or (values < 0.5).any() or (values > 12).any():
        msg = f"The spacing must be from 0.5 to 12 mm; got {spacing_mm}."
        raise InputError(msg)
    return float(values[0]), float(values[1]), float(values[2])


def _check_choice(kind: str, value: str | None, valid: tuple[str, ...]) -> None:
    if value is not None and value not in valid:
        msg = f"There is no {kind} '{value}'. Choose one of: {', '.join(valid)}."
        raise InputError(msg)


def _lay_out(rng: np.random.Generator, person: Person, view: str, spacing: Vector) -> Canvas:
    """Choose a grid that holds the body."""
    low, high = np.array(FIELDS_OF_VIEW[view]) + rng.normal(0, 7, 2)
    half = (165 + 1.6 * person.fat_mm + 0.35 * person.visceral_mm) * person.scale[0] + 8
    front = (126 + 1.6 * person.fat_mm + person.visceral_mm) * person.scale[1] + 8
    back = (117 + 1.6 * person.fat_mm) * person.scale[1] + 26
    first = (-half, -back, low * person.scale[2])
    extent = (2 * half, front + back, (high - low) * person.scale[2])
    i, j, k = (round(e / s) + 1 for e, s in zip(extent, spacing, strict=True))
    return Canvas(rng, (i, j, k), spacing, first, person.scale, person.warp_mm)


def _paint_everything(
    rng: np.random.Generator, canvas: Canvas, person: Person, *, varied: bool
) -> None:
    """Paint from the shell inward and from the back forward; later paint covers earlier."""

    def move(r: np.random.Generator, spread: Spread, paint: _Painter) -> None:
        paint_moved(r, canvas, spread, paint) if varied else paint(r)

    shift = float(rng.normal(0, 7))  # breathing moves the diaphragm and what hangs from it
    steps: tuple[_Painter, ...] = (
        lambda r: paint_body(r, canvas, person),
        lambda r: paint_thorax(canvas, shift, r),
        lambda r: paint_skeleton(r, canvas, person),
        lambda _: paint_muscles(canvas, person),
        lambda r: paint_liver(r, canvas, shift),
        lambda r: paint_spleen(r, canvas, shift),
        lambda r: move(r, STOMACH, lambda s: paint_stomach(s, canvas, shift)),
        lambda r: paint_kidneys(r, canvas, varied=varied),
        lambda r: move(r, SMALL_BOWEL, lambda s: paint_small_bowel(s, canvas)),
        lambda r: paint_colon(r, canvas, varied=varied),
        lambda r: paint_duodenum(r, canvas),
        lambda r: paint_gallbladder(r, canvas, shift),
        lambda r: move(r, PANCREAS, lambda s: paint_pancreas(s, canvas)),
        lambda r: paint_bladder(r, canvas, person.sex),
        lambda r: paint_womb_or_prostate(r, canvas, person.sex),
        lambda r: paint_esophagus(r, canvas),
        lambda r: paint_vessels(r, canvas, person),
        lambda r: paint_mesentery(r, canvas),
        lambda r: paint_arms(r, canvas, person) if r.random() < 0.1 else None,
        lambda r: paint_table(canvas) if r.random() < 0.85 else None,
    )
    for child, step in zip(rng.spawn(len(steps)), steps, strict=True):
        step(child)
