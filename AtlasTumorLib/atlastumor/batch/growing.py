"""Several synthetic tumors in one scan: what is drawn, what a critic keeps, what is drawn again.

Everything follows from the cohort's seed and the case's name, so that a case comes out the same
whatever else is made before it. A tumor's organ and size are drawn once; where a critic rejects it,
another of that organ and size is drawn, so that a filter does not shift organs and sizes toward
what is easy to find. Only a tumor that finds no room gets another size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from .. import __version__
from ..components import has_label
from ..errors import InputError, PlacementError
from ..organs import Organ, select_organs
from ..progress import CancelToken, Progress, ignore_progress
from ..provenance import to_plain
from ..results.synthetic import describe_tumor
from ..synthesis.base import AbstractMethod
from ..synthesis.request import TumorRequest, draw_diameter
from ..synthesis.shapes import find_shape
from ..synthesis.synthesize import synthesize
from ..volume import LabelMap, Scan
from .quality import Critic, Quality, judge_tumor

__all__ = [
    "KEPT",
    "NO_ROOM",
    "REJECTED",
    "Attempt",
    "CohortSettings",
    "GrownCase",
    "Recipe",
    "grow_tumors",
]

KEPT, REJECTED, NO_ROOM = "kept", "rejected", "no room"
_LEAST_ORGAN_ML = 3.0  # less is a sliver at the scan's face


@dataclass(frozen=True)
class CohortSettings:
    """How a synthetic cohort is made.

    Args:
        organs: Keys of the organs in which tumors grow; None for all.
        per_scan: Tumors to grow in each scan, 1 or more.
        mix: Shares of small, medium and large tumors.
        min_quality: Share of a tumor's voxels that the critic must find again, in [0, 1].
        method: Key of the method that gives tumors their densities.
        shape: Key of their kind of shape.
        seed: What all randomness follows from, 0 or more.
        tries: How often a tumor is drawn at most, 1 or more.

    Raises:
        UnknownKeyError: If there is no such organ or shape.
        InputError: If a number is out of its range.
    """

    organs: Sequence[str] | None = None
    per_scan: int = 3
    mix: Sequence[float] = (4.0, 2.0, 1.0)
    min_quality: float = 0.7
    method: str = "handcrafted"
    shape: str = "ellipsoid"
    seed: int = 0
    tries: int = 10

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "organs", tuple(o.key for o in select_organs(self.organs)))
        object.__setattr__(self, "mix", tuple(float(share) for share in self.mix))
        find_shape(self.shape)
        for name, least in (("per_scan", 1), ("tries", 1), ("seed", 0)):
            if getattr(self, name) < least:
                msg = f"'{name}' is {getattr(self, name)}; give a whole number from {least} on."
                raise InputError(msg)
        if not 0.0 <= self.min_quality <= 1.0:
            msg = f"The least quality is {self.min_quality:g}; it is a share from 0 to 1."
            raise InputError(msg)
        for organ in self.rows:
            draw_diameter(np.random.default_rng(0), organ.key, self.mix)

    @property
    def rows(self) -> tuple[Organ, ...]:
        """Rows of the organs, in table order."""
        return select_organs(self.organs)


@dataclass(frozen=True, eq=False)
class Recipe:
    """All that synthetic cases follow from but their scans.

    Args:
        settings: What to draw.
        method: The one that the settings name, ready to paint.
        critic: Judges every tumor, and finds the organs where nothing outlines them.
        critic_id: What names the critic in records, such as model and weights.

    Raises:
        ValueError: If the settings name another method.
    """

    settings: CohortSettings
    method: AbstractMethod
    critic: Critic
    critic_id: Mapping[str, str]

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        if self.method.name != self.settings.method:
            msg = f"'{self.method.name}' was given where '{self.settings.method}' is set."
            raise ValueError(msg)

    def record(self) -> dict[str, Any]:
        """Say it in what JSON can hold."""
        settings: dict[str, Any] = to_plain(asdict(self.settings))
        return {"version": __version__, **settings, "critic": dict(self.critic_id)}


@dataclass(frozen=True)
class Attempt:
    """One drawn tumor and what became of it.

    Args:
        tumor: Number of the tumor in its scan, from 1 on.
        organ: Key of the organ.
        diameter_mm: Asked for, mm.
        seed: Of its request.
        outcome: `KEPT`, `REJECTED` by the critic, or `NO_ROOM`.
        quality: What the critic thinks of it; None if there was no room.
    """

    tumor: int
    organ: str
    diameter_mm: float
    seed: int
    outcome: str
    quality: Quality | None = None

    def record(self) -> dict[str, Any]:
        """Say it in what JSON can hold; with the rule and the numbers that it was judged by."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "quality"}
        return own if self.quality is None else own | self.quality.record()


@dataclass(frozen=True, eq=False)
class GrownCase:
    """A scan with the tumors that were kept.

    Args:
        scan: The scan; without tumors it is the one given.
        labels: Organs and tumors.
        tumors: What describes each tumor that was kept, ready for JSON.
        attempts: All that was drawn, in order.
    """

    scan: Scan
    labels: LabelMap
    tumors: tuple[dict[str, Any], ...]
    attempts: tuple[Attempt, ...]


def grow_tumors(
    name: str,
    scan: Scan,
    labels: LabelMap,
    recipe: Recipe,
    *,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> GrownCase:
    """Grow tumors in a scan, one after the other.

    Args:
        name: Of the case; decides the draws together with the settings' seed.
        scan: CT in HU; not changed.
        labels: Its organs; not changed.
        recipe: What to draw, with what.
        progress: Told how far it is.
        cancel: Stops the work between steps.

    Returns:
        The scan with those tumors that were kept: `per_scan` or fewer.

    Raises:
        InputError: If none of the organs is in view.
        AtlasTumorError: If method or critic cannot work.
        Cancelled: If `cancel` was set.
    """
    cancel, settings = cancel or CancelToken(), recipe.settings
    organs = _find_organs(labels, settings)
    grown = GrownCase(scan, labels, (), ())
    for number in range(1, settings.per_scan + 1):
        rng = np.random.default_rng(_seed(settings, name, number))
        organ = organs[int(rng.integers(len(organs)))]
        diameter_mm = draw_diameter(rng, organ, settings.mix)
        for count in range(1, settings.tries + 1):
            done = number - 1 + (count - 1) / settings.tries
            progress(done / settings.per_scan, "Growing tumors")
            seed = _draw_seed(settings, name, number, count)
            request = TumorRequest(organ, diameter_mm, seed, settings.method, settings.shape)
            grown, outcome = _try_tumor(grown, number, request, recipe, cancel)
            if outcome == KEPT:
                break
            if outcome == NO_ROOM:
                diameter_mm = draw_diameter(rng, organ, settings.mix)
    progress(1.0, "Growing tumors")
    return grown


def _try_tumor(
    grown: GrownCase, number: int, request: TumorRequest, recipe: Recipe, cancel: CancelToken
) -> tuple[GrownCase, str]:
    """Draw one tumor; add it if it is kept."""
    cancel.check()
    drawn = (number, request.organ, request.diameter_mm, request.seed)
    try:
        result = synthesize(grown.scan, grown.labels, request, method=recipe.method, cancel=cancel)
    except PlacementError:
        return replace(grown, attempts=(*grown.attempts, Attempt(*drawn, NO_ROOM))), NO_ROOM
    least = recipe.settings.min_quality
    quality = judge_tumor(recipe.critic, result, before=grown.scan, least=least, cancel=cancel)
    outcome = KEPT if quality.is_kept else REJECTED
    attempts = (*grown.attempts, Attempt(*drawn, outcome, quality))
    if not quality.is_kept:
        return replace(grown, attempts=attempts), outcome
    tumor = {"tumor": number, "share": round(quality.share, 4), **describe_tumor(result)}
    return GrownCase(result.scan, result.labels, (*grown.tumors, tumor), attempts), outcome


def _find_organs(labels: LabelMap, settings: CohortSettings) -> list[str]:
    """Keys of the organs in view."""
    found = [
        organ.key
        for organ in settings.rows
        if np.count_nonzero(has_label(labels.array, organ.labels)) * labels.grid.voxel_ml
        >= _LEAST_ORGAN_ML
    ]
    if not found:
        names = ", ".join(organ.name.lower() for organ in settings.rows)
        msg = f"None of these organs is in view: {names}. Give labels that hold one."
        raise InputError(msg)
    return found


def _seed(settings: CohortSettings, name: str, *numbers: int) -> np.random.SeedSequence:
    """Randomness of one draw: other seeds, names and numbers share nothing with it."""
    digest = hashlib.sha256(name.encode()).digest()
    words = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4)]
    return np.random.SeedSequence([settings.seed, *words], spawn_key=numbers)


def _draw_seed(settings: CohortSettings, name: str, *numbers: int) -> int:
    """A request's seed, below 2^53, which every reader of JSON holds exactly."""
    return int(_seed(settings, name, *numbers).generate_state(1, np.uint64)[0]) >> 11
