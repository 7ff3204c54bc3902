"""Recipes at work: model after model on one scan, one network in memory at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import torch

from ..errors import WeightsError
from ..models.card import DEFAULT_MODEL, find_card
from ..models.recipe import Model, Recipe
from ..models.weights import find_weights
from ..progress import CancelToken, Progress, Watch, ignore_progress, never_falling, part_of
from ..provenance import Provenance
from ..volume import Grid, Scan
from .backends import check_precision, choose_precision, name_backend
from .beforehand import check_memory, engine_notes
from .device import choose_device
from .engine import MEASURING, SEARCHED, Segmenter
from .errands import Errand, Plan, make_plan
from .estimating import Estimate
from .foreseeing import foresee_errands, join_estimates, share_time
from .gathering import Gathering
from .peaks import PeakDeviceMemory, PeakMemory
from .recipe_log import RecipeLog
from .result import Segmentation
from .streaming import RawResult

__all__ = ["RecipeSegmenter", "make_segmenter"]


def make_segmenter(
    model: str | Model = DEFAULT_MODEL,
    *,
    device: str = "auto",
    backend: str = "auto",
    precision: str = "auto",
    models_dir: Path | None = None,
    disagreement: bool = False,
) -> Segmenter | RecipeSegmenter:
    """Make a model or a recipe ready; both are used alike.

    Args:
        model: A card, a recipe, or the id of one.
        device: "auto", "cpu", "cuda" or "cuda:N".
        backend: "auto", "torch" or "openvino".
        precision: "auto", "fp32", "bf16", "fp16" or "int8".
        models_dir: Where imported cards and weights lie.
        disagreement: Also tell where several networks that tell about one organ disagree.

    Returns:
        What has the methods `segment` and `estimate`.

    Raises:
        UnknownKeyError: If there is no such model, backend or precision.
        CardError: If a card or recipe is malformed, or a model of the recipe is not there.
        WeightsError: If weights are missing, altered or do not fit.
        InputError: If nothing can disagree.
        DeviceError: If the device does not work.
        DependencyError: If a package is missing.
    """
    if isinstance(model, str):
        model = find_card(model, [models_dir] if models_dir is not None else [])
    kind = RecipeSegmenter if isinstance(model, Recipe) else Segmenter
    return kind(
        model,  # type: ignore[arg-type]  # the one that `kind` wants
        device=device,
        backend=backend,
        precision=precision,
        models_dir=models_dir,
        disagreement=disagreement,
    )


class RecipeSegmenter:
    """Finds organs and their tumors with the models of a recipe.

    Each model is loaded when its turn comes and let go of afterwards.

    Example:
        >>> segmentation = make_segmenter("six-organs").segment(scan)
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        models_dir: Path | None = None,
        disagreement: bool = False,
    ) -> None:
        """Make sure that all models are there.

        Args:
            recipe: With its models' cards, as `find_card` gives it.
            device: "auto", "cpu", "cuda" or "cuda:N".
            backend: "auto", "torch" or "openvino".
            precision: "auto", "fp32", "bf16", "fp16" or "int8".
            models_dir: Where imported cards and weights lie.
            disagreement: Also tell where several networks that tell about one organ disagree.

        Raises:
            WeightsError: If weights are missing; names all of them.
            InputError: If nothing can disagree.
            DeviceError: If the device does not work, or not in this precision.
            UnknownKeyError: If there is no such backend or precision.
        """
        self.card = recipe
        self._models_dir = models_dir
        self._disagreement = disagreement
        _check_weights(recipe, models_dir)
        make_plan(recipe, disagreement=disagreement)
        self.device = choose_device(device)
        self._precision = choose_precision(precision, self.device)
        for one in self.card.cards.values():
            check_precision(one, self._precision)
        self._backend = name_backend(backend, precision, self.device)

    def estimate(
        self, scan: Scan | Grid, *, mirror: bool = False, probabilities: bool = False
    ) -> Estimate:
        """Foresee time and memory of all models: the largest one decides.

        Args:
            scan: The scan, or its grid alone.
            mirror: Whether passes are mirrored.
            probabilities: Whether tumor probabilities are wanted too.

        Returns:
            The estimate, for every window; those of air will be left out.
        """
        grid = scan if isinstance(scan, Grid) else scan.grid
        plan = make_plan(self.card, mirror=mirror, disagreement=self._disagreement)
        return join_estimates(self._foresee(plan, grid, probabilities))

    def _foresee(self, plan: Plan, grid: Grid, probabilities: bool) -> list[Estimate]:
        return foresee_errands(
            plan.errands,
            grid,
            self.device,
            self._backend,
            self._precision,
            probabilities=probabilities,
        )

    def segment(
        self,
        scan: Scan,
        *,
        organs: Iterable[str] | None = None,
        thresholds: Mapping[str, float] | None = None,
        mirror: bool = False,
        probabilities: bool = False,
        progress: Progress = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> Segmentation:
        """Outline organs and tumors, as `Segmenter.segment` does.

        Args:
            scan: CT in HU; any orientation, spacing and size.
            organs: Keys of the organs to report; None for all of the recipe.
            thresholds: Least tumor probability by organ, in place of the recipe's.
            mirror: Average over mirrored passes of the models that were trained for it.
            probabilities: Keep the tumor probabilities in the result.
            progress: Told how far it is.
            cancel: Stops the run at the next window or lesion.

        Returns:
            Labels on the scan's own grid, lesions, and a finding for every organ.

        Raises:
            InputError: If an option or the scan cannot be used.
            WeightsError: If the weights of a model are altered or do not fit.
            OutOfMemoryError: If memory does not suffice.
            DeviceError: If the device fails.
            Cancelled: If `cancel` was set.
        """
        plan = make_plan(
            self.card,
            organs=organs,
            thresholds=thresholds,
            mirror=mirror,
            disagreement=self._disagreement,
        )
        cancel, progress = cancel or CancelToken(), never_falling(progress)
        return self._follow(plan, scan, probabilities, progress, cancel)

    def _follow(
        self, plan: Plan, scan: Scan, probabilities: bool, progress: Progress, cancel: CancelToken
    ) -> Segmentation:
        """Run one model after the other, and bring together what they find."""
        foreseen = self._foresee(plan, scan.grid, probabilities)
        check_memory(join_estimates(foreseen))
        gathered = Gathering(plan, scan.grid, disagreement=self._disagreement)
        log, device = RecipeLog(), PeakDeviceMemory(self.device)
        with PeakMemory() as host, torch.inference_mode():
            for errand, (start, stop) in zip(plan.errands, share_time(foreseen), strict=True):
                part = part_of(progress, start * SEARCHED, stop * SEARCHED)
                search = partial(self._search, errand, scan, probabilities, log)
                raw = search(progress=part_of(part, 0.0, SEARCHED), cancel=cancel)
                watch = Watch(part_of(part, SEARCHED, 1.0), MEASURING, cancel)
                gathered.take(errand, raw, watch=watch)
                cancel.check()  # before the next model is loaded
            progress(SEARCHED, MEASURING)
            started = time.perf_counter()
            watch = Watch(part_of(progress, SEARCHED, 1.0), MEASURING, cancel)
            found = gathered.finish(watch=watch)
            cancel.check()
            log.seconds[MEASURING] = time.perf_counter() - started
        run = Provenance(
            model_id=self.card.id,
            model_version=self.card.version,
            weights_sha256=self.card.weights.sha256,
            device=self.device.description,
            backend=self._backend,
            precision=self._precision,
            peak_host_bytes=host.bytes,
            peak_device_bytes=device.bytes,
            threads=torch.get_num_threads(),
        )
        cards = [errand.card for errand in plan.errands]
        notes = tuple(engine_notes(scan.grid, self.device, cards, self._precision))
        record = log.complete(run, scan, plan, gathered, notes)
        progress(1.0, MEASURING)
        kept = {**gathered.maps, **gathered.fine} if probabilities else {}
        return Segmentation(*found, kept, record, scan.source, gathered.spread)

    def _search(
        self,
        errand: Errand,
        scan: Scan,
        probabilities: bool,
        log: RecipeLog,
        *,
        progress: Progress,
        cancel: CancelToken,
    ) -> RawResult:
        """Run one model, and let go of it."""
        segmenter = Segmenter(
            errand.card,
            device=self.device.name,
            backend=self._backend,
            precision=self._precision,
            models_dir=self._models_dir,
            disagreement=errand.n_apart > 1,
        )
        steps: list[str] = []
        try:
            raw = segmenter.search(
                scan,
                errand.request,
                steps,
                fine=probabilities and bool(errand.plain),
                progress=progress,
                cancel=cancel,
            )
        finally:
            segmenter.backend.close()
        log.add(errand, raw, steps)
        return raw


def _check_weights(recipe: Recipe, models_dir: Path | None) -> None:
    """Raise if weights are missing, all of them named."""
    missing: list[str] = []
    for card in recipe.cards.values():
        try:
            find_weights(card, models_dir=models_dir)
        except WeightsError as error:
            missing.append(str(error))
    if missing:
        raise WeightsError(" ".join(missing))
