"""Small stand-ins for model and network, whose answers are known beforehand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage

from atlastumor.inference.backends import AbstractBackend
from atlastumor.inference.device import Device
from atlastumor.inference.orientation import find_orientation, orient, orient_grid
from atlastumor.inference.request import make_request
from atlastumor.inference.streaming import Job, Placement, RawResult, run_network
from atlastumor.models.specs import (
    InferenceSpec,
    InputSpec,
    ModelCard,
    NetworkRef,
    OutputSpec,
    PostprocessSpec,
    WeightsRef,
)
from atlastumor.progress import CancelToken, Progress, ignore_progress
from atlastumor.volume import Grid, Scan

CPU = Device("cpu", "cpu", "a test", 0, 0)
LIVER_AND_KIDNEY = (
    OutputSpec(0, "background"),
    OutputSpec(1, "organ", "liver"),
    OutputSpec(2, "tumor", "liver"),
    OutputSpec(3, "organ", "kidney"),
    OutputSpec(4, "tumor", "kidney"),
)


def make_card(
    *,
    spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0),
    patch: tuple[int, int, int] = (16, 16, 16),
    outputs: tuple[OutputSpec, ...] = LIVER_AND_KIDNEY,
    activation: str = "softmax",
    thresholds: dict[str, float | None] | None = None,
    postprocess: PostprocessSpec | None = None,
    mirror_axes: tuple[int, ...] = (0, 1, 2),
    resample_order: int = 1,
    antialias: bool = False,
) -> ModelCard:
    """A card that sees HU from -1000 to 1000 as 0 to 1."""
    return ModelCard(
        schema=1,
        id="a-card",
        title="A card",
        version="1.0.0",
        summary="For tests.",
        license="Apache-2.0",
        source={},
        weights=WeightsRef("0" * 64, 1, file="none.safetensors"),
        network=NetworkRef("none", {}),
        input=InputSpec(
            "RAS", spacing_mm, (-1000.0, 1000.0), "unit", resample_order, antialias=antialias
        ),
        inference=InferenceSpec(patch, 0.5, mirror_axes),
        outputs=outputs,
        activation=activation,
        thresholds=thresholds or {},
        postprocess=postprocess or PostprocessSpec(),
        evaluation=(),
        limits="For tests.",
    )


class PretendBackend(AbstractBackend):
    """Answers with a function of the windows, and counts them."""

    name = "pretend"

    def __init__(self, answer: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__(CPU, "fp32")
        self.answer = answer
        self.n_windows = 0

    def _forward(self, windows: torch.Tensor) -> torch.Tensor:
        self.n_windows += len(windows)
        return self.answer(windows)

    def close(self) -> None:
        """Nothing to let go of."""


def by_density(windows: torch.Tensor) -> torch.Tensor:
    """A pointwise network: air, liver from -100 HU, its tumor from 100, kidney 200, tumor 300."""
    hu = windows * 2000.0 - 1000.0
    borders = (-100.0, 100.0, 200.0, 300.0)
    logits = [torch.zeros_like(hu)]
    for border in borders:
        logits.append(logits[-1] + (hu - border) / 20.0)
    return torch.cat(logits, dim=1)


def make_scan(
    shape: tuple[int, int, int] = (24, 20, 30),
    spacing_mm: tuple[float, float, float] = (2.0, 3.0, 2.5),
    *,
    seed: int = 0,
) -> Scan:
    """Smooth random densities between about -600 and 600 HU, int16, RAS."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.uniform_filter(rng.normal(size=shape), 5, mode="nearest")
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = (-20.0, 35.0, -100.0)
    array = np.clip(smooth / smooth.std() * 200.0, -600, 600)
    return Scan(np.round(array).astype(np.int16), Grid(shape, affine))


def segment(
    scan: Scan,
    card: ModelCard,
    *,
    backend: PretendBackend | None = None,
    batch: int = 1,
    mirror: bool = False,
    fine: bool = False,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> RawResult:
    """Take a scan through the network that `by_density` pretends to be."""
    job = Job(
        scan,
        card,
        make_request(card, mirror=mirror),
        backend or PretendBackend(by_density),
        Placement(batch, "cpu", torch.float32),
        fine,
    )
    return run_network(job, progress=progress, cancel=cancel or CancelToken())


def turn(scan: Scan, codes: str) -> Scan:
    """The same scan with its axes turned."""
    orientation = find_orientation(scan.grid, codes)
    array = np.ascontiguousarray(orient(scan.array, orientation))
    return Scan(array, orient_grid(scan.grid, orientation))
