"""What the models of a recipe found, gathered one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..lesions import Lesion
from ..models.recipe import Part
from ..models.specs import PostprocessSpec
from ..organs import Organ, find_organ
from ..progress import UNWATCHED, Watch
from ..volume import Grid, LabelMap
from .errands import Errand, Plan
from .findings import Finding, describe_findings
from .measuring import measure_tumors, split_halves, tidy_labels
from .mixing import (
    MeanMap,
    SpreadMap,
    absorb_tumors,
    find_outline,
    merge_labels,
    paint_tumors,
    rank_labels,
)
from .postprocess import postprocess
from .probability import AbstractTumorMap
from .streaming import RawResult

__all__ = ["Gathering"]


class Gathering:
    """Labels and maps of all models so far.

    Attributes:
        labels: AbdomenAtlas 2.0 numbers on the scan's grid, (I, J, K) uint8.
        maps: Tumor probability by organ key.
        fine: The same at the scan's own voxels, where models were asked for it.
        highest: Highest tumor probability by organ key.
        spread: Standard deviation of tumor probabilities by organ key, where several tell.
        compared: Between whom, by organ key.
    """

    def __init__(self, plan: Plan, grid: Grid, *, disagreement: bool) -> None:
        """Start with nothing.

        Args:
            plan: What is asked for.
            grid: The scan's.
            disagreement: Whether to compare models that tell about one organ.
        """
        self._plan, self._grid, self._disagreement = plan, grid, disagreement
        self._ranks = rank_labels(plan.order)
        self._votes: dict[str, list[AbstractTumorMap]] = {o.key: [] for o, _ in plan.mixed}
        self.labels = np.zeros(grid.shape, np.uint8, order="F")
        self.maps: dict[str, AbstractTumorMap] = {}
        self.fine: dict[str, AbstractTumorMap] = {}
        self.highest: dict[str, float] = {}
        self.spread: dict[str, AbstractTumorMap] = {}
        self.compared: dict[str, str] = {}

    def take(self, errand: Errand, raw: RawResult, *, watch: Watch = UNWATCHED) -> None:
        """Take what is wanted of a model's answer.

        Args:
            errand: What it had to do.
            raw: What it found; its labels are changed in place.
            watch: Told how far it is.

        Raises:
            Cancelled: If somebody asked to stop.
        """
        tidied = tidy_labels(
            *(raw, self._grid, errand.card, replace(errand.request, organs=errand.plain)),
            watch=watch,
        )
        for organ in errand.plain:
            self.maps[organ.key] = tidied.probabilities[organ.key]
            self.highest[organ.key] = tidied.highest[organ.key]
            if organ.key in raw.fine:
                self.fine[organ.key] = raw.fine[organ.key]
            if organ.key in raw.disagreement:
                self.spread[organ.key] = raw.disagreement[organ.key]
                self.compared[organ.key] = f"{errand.n_apart} networks of {errand.card.id}"
        split_halves(raw, self._grid, errand.card, errand.outlined)
        spec = PostprocessSpec(largest_component=errand.card.postprocess.largest_component)
        postprocess(raw.labels, self._grid, spec, errand.outlined)
        tumors = (*errand.outlined, *map(find_organ, errand.scored.values()))
        absorb_tumors(raw.labels, tumors, errand.outlined, watch=watch.part(1.0, 1.0))
        merge_labels(self.labels, raw.labels, (*errand.plain, *errand.outlined), self._ranks)
        for key, source in errand.scored.items():
            self._votes[key].append(raw.probabilities[source])

    def finish(
        self, *, watch: Watch = UNWATCHED
    ) -> tuple[LabelMap, tuple[Lesion, ...], tuple[Finding, ...]]:
        """Paint the tumors about which several models tell, or one within another's outlines.

        Args:
            watch: Told how far it is.

        Returns:
            The label map, its lesions, and a finding for every organ asked for.

        Raises:
            Cancelled: If somebody asked to stop.
        """
        for (organ, part), share in watch.part(0.0, 0.5).shared(self._plan.mixed):
            self._paint(organ, part, share)
        request = self._plan.request
        labels, lesions = measure_tumors(
            *(self.labels, self._grid, request.organs, self.maps), watch=watch.part(0.5, 1.0)
        )
        return labels, lesions, describe_findings(labels, lesions, request, self.highest)

    def _paint(self, organ: Organ, part: Part, watch: Watch) -> None:
        votes = tuple(self._votes[organ.key])
        within = None if part.within is None else find_outline(self.labels, organ)
        self.maps[organ.key] = MeanMap(votes, within)
        threshold = self._plan.request.thresholds[organ.key]
        assert threshold is not None  # noqa: S101 - a plan decides these by a number
        self.highest[organ.key] = paint_tumors(
            self.labels,
            self._grid,
            organ,
            self.maps[organ.key],
            threshold=threshold,
            ranks=self._ranks,
        )
        first = next(e.card for e in self._plan.errands if e.card.id == part.models[0])
        spec = replace(first.postprocess, largest_component=())
        postprocess(self.labels, self._grid, spec, [organ], watch=watch)
        if self._disagreement and len(votes) > 1:
            self.spread[organ.key] = SpreadMap(votes)
            self.compared[organ.key] = " and ".join(part.models)
