"""One synthetic tumor in a cached case, grown in an organ that is known to have none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..batch.quality import Critic, judge_tumor
from ..collections import UNKNOWN
from ..errors import InputError, PlacementError
from ..models.specs import OutputSpec
from ..organs import KEYS, label_names
from ..synthesis.base import AbstractMethod
from ..synthesis.methods import find_method
from ..synthesis.request import TumorRequest, draw_diameter
from ..synthesis.result import SynthesisResult
from ..synthesis.shapes import find_shape
from ..synthesis.synthesize import synthesize
from ..volume import Grid, LabelMap, Scan
from .boxes import overlap
from .config import SyntheticOptions
from .prepare import CachedCase

__all__ = ["Grower", "Grown", "check_synthetic"]

_VIEW_MM = 170.0
"""Side of the box in which a tumor is placed: the largest of 64 mm with an organ around it."""
_LARGEST_SEED = 2**53


def check_synthetic(
    options: SyntheticOptions, models_dir: Path | None, outputs: Sequence[OutputSpec]
) -> None:
    """Make sure that tumors can be grown, before scans are prepared.

    Args:
        options: Method, shape, sizes, critic.
        models_dir: Where weights and further models lie.
        outputs: What is learned.

    Raises:
        UnknownKeyError: If there is no such method, shape or critic.
        InputError: If the mix leaves nothing to draw, or the critic cannot judge.
        AtlasTumorError: If method or critic lack what they need.
    """
    if options.probability > 0:
        find_method(options.method, models_dir=models_dir, device="cpu")
        find_shape(options.shape)
        draw_diameter(np.random.default_rng(0), KEYS[0], options.mix)
        if options.min_quality is not None:
            _check_critic(options.critic, models_dir, outputs)


def _check_critic(name: str, models_dir: Path | None, outputs: Sequence[OutputSpec]) -> None:
    """Refuse here what a process that draws patches could tell by a traceback only."""
    from ..inference.engine import Segmenter  # noqa: PLC0415 - loads a network

    card = Segmenter(name, device="cpu", backend="torch", models_dir=models_dir).card
    judged = {o.organ for o in card.outputs if o.kind == "tumor"}
    organs, tumors = ({o.organ for o in outputs if o.kind == k} for k in ("organ", "tumor"))
    if blind := [key for key in KEYS if key in (organs & tumors) - judged]:
        msg = (
            f"The critic '{name}' does not look for tumors of {', '.join(blind)}, where synthetic "
            "ones may grow. Name another `critic`, or leave `min_quality` out."
        )
        raise InputError(msg)


@dataclass(frozen=True, eq=False)
class Grown:
    """What a tumor changed.

    Args:
        corner: Of the changed box in the case, voxels (3,).
        hu: Densities there, (I, J, K) int16.
        labels: Labels there, (I, J, K).
        center: Voxel of the case in the tumor's middle, (3,).
    """

    corner: npt.NDArray[np.int64]
    hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.uint8]
    center: npt.NDArray[np.int64]


class Grower:
    """Grows tumors; method and critic are made when first needed, in the process that draws."""

    def __init__(self, options: SyntheticOptions, models_dir: Path | None) -> None:
        """Remember what to draw.

        Args:
            options: Method, sizes, critic.
            models_dir: Where their weights lie.
        """
        self._options, self._models_dir = options, models_dir
        self._method: AbstractMethod | None = None
        self._critic: Critic | None = None

    def grow(self, case: CachedCase, organ: str, rng: np.random.Generator) -> Grown | None:
        """Grow a tumor in an organ.

        Args:
            case: The case.
            organ: Key of an organ that is healthy there.
            rng: Decides everything random.

        Returns:
            What changed, or None if none of the tries found room or pleased the critic.

        Raises:
            AtlasTumorError: If method or critic cannot work at all.
        """
        options = self._options
        if self._method is None:
            self._method = find_method(options.method, models_dir=self._models_dir, device="cpu")
        place = case.places[organ][int(rng.integers(len(case.places[organ])))]
        scan, labels, corner = _view(case, np.array(place))
        for _ in range(options.tries):
            diameter_mm = draw_diameter(rng, organ, options.mix)
            seed = int(rng.integers(_LARGEST_SEED))
            request = TumorRequest(organ, diameter_mm, seed, options.method, options.shape)
            try:
                result = synthesize(scan, labels, request, method=self._method)
            except (PlacementError, InputError):  # no room, or the view cuts the organ off
                continue
            if self._is_kept(result, scan):
                return _take(result, corner)
        return None

    def _is_kept(self, result: SynthesisResult, before: Scan) -> bool:
        least = self._options.min_quality
        if least is None:
            return True
        if self._critic is None:
            from ..inference.engine import Segmenter  # noqa: PLC0415 - loads a network

            name = self._options.critic
            self._critic = Segmenter(name, device="cpu", models_dir=self._models_dir)
        return judge_tumor(self._critic, result, before=before, least=least).is_kept


def _view(
    case: CachedCase, place: npt.NDArray[np.int64]
) -> tuple[Scan, LabelMap, npt.NDArray[np.int64]]:
    """Cut what surrounds a voxel, and say where it was cut."""
    hu, labels = case.open()
    affine = np.array(case.affine)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    size = np.array([math.ceil(_VIEW_MM / mm) for mm in spacing])
    outer, _ = overlap(place - size // 2, size, np.array(hu.shape))
    corner = np.array([side.start for side in outer])
    affine[:3, 3] += affine[:3, :3] @ corner
    own = np.array(labels[outer])
    own[own == UNKNOWN] = 0
    i, j, k = own.shape
    grid = Grid((i, j, k), affine)
    return Scan(np.array(hu[outer]), grid), LabelMap(own, grid, label_names()), corner


def _take(result: SynthesisResult, corner: npt.NDArray[np.int64]) -> Grown:
    start = np.array([side.start for side in result.box])
    middle = np.rint(result.scan.grid.to_ijk(result.lesion.point_ras)).astype(np.int64)
    hu = np.array(result.scan.array[result.box], np.int16)
    return Grown(corner + start, hu, np.array(result.labels.array[result.box]), corner + middle)
