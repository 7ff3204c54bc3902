"""The whole path of one scan: preparing, windows, blending and upsampling, slab by slab."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from ..models.specs import InferenceSpec, ModelCard, OutputSpec
from ..organs import find_organ
from ..progress import CancelToken, Progress, part_of
from ..volume import Scan
from .backends import AbstractBackend
from .blend import BlendOptions, blend_windows, mirrorings
from .decision import Decision
from .disagreement import DisagreementKeeper
from .fine import FineKeeper
from .intensity import padding_value
from .orientation import orient
from .preprocess import NetworkInput, preprocess
from .probability import ProbabilityMap
from .request import Request
from .resample import Taps, find_coarse_axis, make_taps
from .scores import ScoreKeeper, channels_by_organ
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
        fine: Tumor probability by organ key at the scan's own voxels, if asked for.
        disagreement: How far the probabilities of an ensemble's members spread, by organ key, if
            asked for.
    """

    labels: npt.NDArray[np.uint8]
    probabilities: dict[str, ProbabilityMap]
    highest: dict[str, float]
    body_center_mm: float
    windows_run: int
    windows_skipped: int
    seconds: dict[str, float]
    fine: dict[str, ProbabilityMap] = field(default_factory=dict)
    disagreement: dict[str, ProbabilityMap] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Job:
    """One scan, and everything that decides what becomes of it.

    Args:
        scan: HU, any orientation and spacing.
        card: The model.
        request: What to find.
        backend: What runs the network.
        placement: Where and in what portions to work.
        fine: Whether probabilities are wanted at the scan's own voxels.
        n_apart: How many members of an ensemble the backend lets speak side by side; 1 for a
            network, or an ensemble, that speaks as one.
        is_compared: Whether to tell where these members disagree.
    """

    scan: Scan
    card: ModelCard
    request: Request
    backend: AbstractBackend
    placement: Placement
    fine: bool = False
    n_apart: int = 1
    is_compared: bool = False


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
    plan, decision = _plan_windows(card.inference, prepared), _make_decision(job)
    tick = _ticker(plan, part_of(progress, _PREPARED, 1.0), cancel)
    tick(0)
    options = _blend_options(job, decision)
    slabs = blend_windows(prepared.array, plan, job.backend, options, tick=tick)
    organs, grid = job.request.organs, prepared.grid
    keeper = ScoreKeeper(decision, card.outputs, organs, grid)
    spread = DisagreementKeeper(
        decision, card.outputs, organs if job.is_compared else (), grid, n_members=job.n_apart
    )
    slabs = spread.watch(slabs)
    labels, fine = _label(slabs, job, prepared, decision, keeper)
    return RawResult(
        labels,
        keeper.maps(),
        keeper.highest(),
        float(prepared.grid.to_ras(prepared.body.center_ijk())[0]),
        plan.n_windows,
        plan.n_skipped,
        {PREPARING: ready - started, SEARCHING: time.perf_counter() - ready},
        fine,
        spread.maps(),
    )


def _plan_windows(inference: InferenceSpec, prepared: NetworkInput) -> WindowPlan:
    return plan_windows(
        prepared.grid.shape,
        inference.patch,
        overlap=inference.overlap,
        placement=inference.windows,
        body=prepared.body if inference.skip_air else None,
    )


def _make_decision(job: Job) -> Decision:
    return Decision(
        job.card.outputs,
        job.card.activation,
        job.request.voxel_thresholds,
        on_probabilities=job.card.inference.restore == "probabilities",
    )


def _ticker(plan: WindowPlan, progress: Progress, cancel: CancelToken) -> Callable[[int], None]:
    """Report windows done and stop where asked to."""

    def tick(n_done: int) -> None:
        cancel.check()
        progress(n_done / max(plan.n_windows, 1), SEARCHING)

    return tick


def _blend_options(job: Job, decision: Decision) -> BlendOptions:
    given = job.card.inference.padding
    return BlendOptions(
        batch=job.placement.batch,
        mirrorings=mirrorings(job.request.mirror_axes),
        fill=decision.fill * job.n_apart,
        padding=padding_value(job.card.input) if given is None else given,
        sums=job.placement.sums,
        device=job.placement.device,
        blend=job.card.inference.blend,
    )


def _label(
    slabs: Iterable[torch.Tensor],
    job: Job,
    prepared: NetworkInput,
    decision: Decision,
    keeper: ScoreKeeper,
) -> tuple[npt.NDArray[np.uint8], dict[str, ProbabilityMap]]:
    """Turn blended logits into labels on the scan's grid, (I, J, K) as the scan lies.

    Tumor probabilities there come with them, if asked for.
    """
    grid, device = job.scan.grid, job.placement.device
    taps = _make_taps(prepared, job.card)
    labels = np.zeros(grid.shape, np.uint8, order="F")
    turned = orient(labels, prepared.orientation)[prepared.box]
    names = _channel_labels(job.card.outputs, job.request)
    upsampler = LabelUpsampler(decision, taps, names, device=device)
    wanted = channels_by_organ(job.card.outputs, job.request.organs if job.fine else (), {"tumor"})
    fine = {key: np.zeros(grid.shape, np.float16, order="F") for key in wanted}
    views = {key: orient(array, prepared.orientation)[prepared.box] for key, array in fine.items()}
    fine_keeper = FineKeeper(
        decision, taps, [(views[key], channels) for key, channels in wanted.items()], device=device
    )
    for logits in slabs:
        slab = decision.prepare(logits)
        keeper.push(slab)
        for k0, k1, part in upsampler.push(slab):
            turned[:, :, k0:k1] = part
        if fine:
            fine_keeper.push(slab)
    return labels, {key: ProbabilityMap(array, grid) for key, array in fine.items()}


def _make_taps(prepared: NetworkInput, card: ModelCard) -> tuple[Taps, Taps, Taps]:
    """Where the scan's voxels lie among the network's; a coarse axis takes the nearest."""
    network, scan, spec = prepared.grid, prepared.source_grid, card.input
    coarse = None
    if spec.resample_order == 3 and not spec.antialias:
        coarse = find_coarse_axis(spec.spacing_mm, scan.spacing_mm)
    is_nearest = card.inference.restore == "labels"
    i, j, k = (
        make_taps(
            network.shape[axis],
            scan.shape[axis],
            order=0 if is_nearest or axis == coarse else 1,
            step=scan.spacing_mm[axis] / network.spacing_mm[axis]
            if spec.resample == "monai"
            else None,
        )
        for axis in range(3)
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
