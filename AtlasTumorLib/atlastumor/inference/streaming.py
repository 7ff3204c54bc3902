"""The whole path of one scan: preparing, windows, blending and upsampling, slab by slab."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..models.specs import ModelCard, OutputSpec
from ..organs import find_organ
from ..progress import CancelToken, Progress, part_of
from ..volume import Scan
from .backends import AbstractBackend
from .blend import BlendOptions, blend_windows, mirrorings
from .decision import Decision
from .orientation import orient
from .preprocess import NetworkInput, padding_value, preprocess
from .probability import ProbabilityMap
from .request import Request
from .resample import Taps, find_coarse_axis, make_taps
from .scores import ScoreKeeper
from .upsample import LabelUpsampler
from .windows import WindowPlan, plan_windows

__all__ = ["PREPARING", "SEARCHING", "Job", "Placement", "RawResult", "run_network"]

PREPARING = "Preparing the scan"
SEARCHING = "Finding tumors"
_PREPARED = 0.05


@dataclass(frozen=True)
class Placement:
    """Where and in what portions a scan is worked on.

    Args:
        batch: Windows that the network sees at once.
        device: Where resampling, blending and upsampling happen.
        sums: Type of the blended sums, float32 or float16.
    """

    batch: int
    device: str
    sums: torch.dtype


@dataclass(frozen=True, eq=False)
class RawResult:
    """What the network found, before any clean-up.

    Args:
        labels: AbdomenAtlas 2.0 numbers on the scan's grid, (I, J, K) uint8.
        probabilities: Tumor probability by organ key.
        highest: Highest tumor probability in each organ, in [0, 1].
        body_center_mm: Middle of the body along R, RAS mm; NaN if there is none.
        windows_run: Windows that the network saw.
        windows_skipped: Windows left out because they hold air alone.
        seconds: By stage.
    """

    labels: npt.NDArray[np.uint8]
    probabilities: dict[str, ProbabilityMap]
    highest: dict[str, float]
    body_center_mm: float
    windows_run: int
    windows_skipped: int
    seconds: dict[str, float]


@dataclass(frozen=True, eq=False)
class Job:
    """One scan, and everything that decides what becomes of it.

    Args:
        scan: HU, any orientation and spacing.
        card: The model.
        request: What to find.
        backend: What runs the network.
        placement: Where and in what portions to work.
    """

    scan: Scan
    card: ModelCard
    request: Request
    backend: AbstractBackend
    placement: Placement


def run_network(job: Job, *, progress: Progress, cancel: CancelToken) -> RawResult:
    """Take one scan through the network.

    Args:
        job: What to do.
        progress: Told after every slab and batch.
        cancel: Looked at before every slab and batch.

    Returns:
        Labels and scores.

    Raises:
        InputError: If densities are not finite numbers.
        DeviceError: If the network's answers are not.
        Cancelled: If `cancel` was set.
    """
    card, started = job.card, time.perf_counter()
    prepared = preprocess(
        job.scan,
        card.input,
        device=job.placement.device,
        cancel=cancel,
        progress=part_of(progress, 0.0, _PREPARED),
    )
    ready = time.perf_counter()
    shape, inference = prepared.grid.shape, card.inference
    plan = plan_windows(shape, inference.patch, overlap=inference.overlap, body=prepared.body)
    decision = Decision(card.outputs, card.activation, job.request.voxel_thresholds)
    tick = _ticker(plan, part_of(progress, _PREPARED, 1.0), cancel)
    tick(0)
    options = _blend_options(job, decision)
    slabs = blend_windows(prepared.array, plan, job.backend, options, tick=tick)
    keeper = ScoreKeeper(decision, card.outputs, job.request.organs, prepared.grid)
    labels = _label(slabs, job, prepared, decision, keeper)
    return RawResult(
        labels,
        keeper.maps(),
        keeper.highest(),
        float(prepared.grid.to_ras(prepared.body.center_ijk())[0]),
        plan.n_windows,
        plan.n_skipped,
        {PREPARING: ready - started, SEARCHING: time.perf_counter() - ready},
    )


def _ticker(plan: WindowPlan, progress: Progress, cancel: CancelToken) -> Callable[[int], None]:
    """Report windows done and stop where asked to."""

    def tick(n_done: int) -> None:
        cancel.check()
        progress(n_done / max(plan.n_windows, 1), SEARCHING)

    return tick


def _blend_options(job: Job, decision: Decision) -> BlendOptions:
    return BlendOptions(
        batch=job.placement.batch,
        mirrorings=mirrorings(job.request.mirror_axes),
        fill=decision.fill,
        padding=padding_value(job.card.input),
        sums=job.placement.sums,
        device=job.placement.device,
    )


def _label(
    slabs: Iterable[torch.Tensor],
    job: Job,
    prepared: NetworkInput,
    decision: Decision,
    keeper: ScoreKeeper,
) -> npt.NDArray[np.uint8]:
    """Turn blended logits into labels on the scan's grid, (I, J, K) as the scan lies."""
    labels = np.zeros(job.scan.grid.shape, np.uint8, order="F")
    turned = orient(labels, prepared.orientation)
    upsampler = LabelUpsampler(
        decision,
        _make_taps(prepared, job.card),
        _channel_labels(job.card.outputs, job.request),
        device=job.placement.device,
    )
    for slab in slabs:
        keeper.push(slab)
        for k0, k1, part in upsampler.push(slab):
            turned[:, :, k0:k1] = part
    return labels


def _make_taps(prepared: NetworkInput, card: ModelCard) -> tuple[Taps, Taps, Taps]:
    """Where the scan's voxels lie among the network's; a coarse axis takes the nearest."""
    coarse = None
    if card.input.resample_order == 3 and not card.input.antialias:
        coarse = find_coarse_axis(card.input.spacing_mm, prepared.source_grid.spacing_mm)
    i, j, k = (
        make_taps(n_network, n_scan, order=0 if axis == coarse else 1)
        for axis, (n_network, n_scan) in enumerate(
            zip(prepared.grid.shape, prepared.source_grid.shape, strict=True)
        )
    )
    return i, j, k


def _channel_labels(outputs: tuple[OutputSpec, ...], request: Request) -> list[int]:
    """The label of each channel; 0 for background and for organs nobody asked for."""
    wanted = {organ.key for organ in request.organs}
    return [_label_of(output) if output.organ in wanted else 0 for output in outputs]


def _label_of(output: OutputSpec) -> int:
    organ = find_organ(output.organ or "")
    if output.kind == "tumor":
        return organ.tumor_label
    sides = {side.key: side.label for side in organ.sides}
    return sides.get(output.side or "", organ.label)
