"""The engine: a model and a scan in, organs and tumors out, in ten readable steps."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ..errors import InputError
from ..models.card import DEFAULT_MODEL, find_card
from ..models.specs import ModelCard
from ..networks import find_multiple, load_network
from ..networks.ensemble import take_apart
from ..progress import CancelToken, Progress, Watch, ignore_progress, never_falling, part_of
from ..provenance import Provenance
from ..volume import Grid, Scan
from .backends import choose_backend
from .beforehand import NOTHING_TO_DISAGREE, check_memory, engine_notes
from .device import Device, choose_device
from .estimating import Estimate, choose_batch, count_apart, estimate
from .ladder import Setting, climb_down, rungs
from .measuring import clean_and_measure
from .peaks import PeakDeviceMemory, PeakMemory
from .request import Request, make_request
from .result import Segmentation
from .streaming import Job, Placement, RawResult, run_network

__all__ = ["MEASURING", "SEARCHED", "Segmenter", "has_fine_maps"]

MEASURING = "Measuring tumors"
"""The last stage of a run."""
SEARCHED = 0.94
"""Share of a run after which it begins."""

_log = logging.getLogger(__name__)


class Segmenter:
    """Finds organs and their tumors on CT with one model.

    The model is loaded once and serves many scans. On a CPU the same scan gives the same bytes.

    Example:
        >>> segmentation = Segmenter().segment(scan, organs=["liver"])
        >>> print(segmentation.findings[0].message)
    """

    def __init__(
        self,
        model: str | ModelCard = DEFAULT_MODEL,
        *,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        models_dir: Path | None = None,
        disagreement: bool = False,
    ) -> None:
        """Load a model and make it ready.

        Args:
            model: A card or its id.
            device: "auto", "cpu", "cuda" or "cuda:N".
            backend: "auto", "torch" or "openvino".
            precision: "auto", "fp32", "bf16", "fp16" or "int8".
            models_dir: Where imported cards and weights lie.
            disagreement: Also tell where the networks of an ensemble disagree.

        Raises:
            InputError: If it is a recipe, or not an ensemble and asked for disagreement.
            UnknownKeyError: If there is no such model, backend or precision.
            CardError: If the card is malformed.
            WeightsError: If the weights are missing, altered or do not fit.
            DeviceError: If the device does not work.
            DependencyError: If a package is missing.
        """
        self.card = _find_own_card(model, models_dir)
        self._is_compared = disagreement
        self.n_apart = count_apart(self.card, is_compared=disagreement)
        if disagreement and self.n_apart < 2:
            raise InputError(NOTHING_TO_DISAGREE.format(self.card.id))
        self.device = choose_device(device)
        network = load_network(self.card, models_dir=models_dir)
        if self.n_apart > 1:
            network = take_apart(network)
        self.backend = choose_backend(backend, precision, self.device, network, self.card)

    def estimate(
        self, scan: Scan | Grid, *, mirror: bool = False, probabilities: bool = False
    ) -> Estimate:
        """Foresee time and memory.

        Args:
            scan: The scan, or its grid alone.
            mirror: Whether passes are mirrored.
            probabilities: Whether tumor probabilities are wanted too.

        Returns:
            The estimate, for every window; those of air will be left out.
        """
        grid = scan if isinstance(scan, Grid) else scan.grid
        return estimate(
            self.card,
            grid,
            self.device,
            self.backend.name,
            self.backend.precision,
            batch=self._choose_batch(),
            mirror=mirror,
            fine=probabilities and has_fine_maps(self.card),
            is_compared=self._is_compared,
        )

    def _choose_batch(self) -> int:
        precision = self.backend.precision
        return choose_batch(self.card, self.device, precision, is_compared=self._is_compared)

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
        """Outline organs and tumors.

        Args:
            scan: CT in HU; any orientation, spacing and size.
            organs: Keys of the organs to report; None for all that the model knows.
            thresholds: Least tumor probability by organ, in place of the card's.
            mirror: Average over mirrored passes: slower, a little steadier.
            probabilities: Keep the tumor probabilities in the result.
            progress: Told how far it is.
            cancel: Stops the run at the next window or lesion.

        Returns:
            Labels on the scan's own grid, lesions, and a finding for every organ.

        Raises:
            InputError: If an option or the scan cannot be used.
            OutOfMemoryError: If memory does not suffice.
            DeviceError: If the device fails.
            Cancelled: If `cancel` was set.
        """
        request = make_request(self.card, organs=organs, thresholds=thresholds, mirror=mirror)
        cancel, progress = cancel or CancelToken(), never_falling(progress)
        check_memory(self.estimate(scan, mirror=mirror, probabilities=probabilities))
        log: list[str] = []
        device = PeakDeviceMemory(self.device)
        with PeakMemory() as host, torch.inference_mode():
            part = part_of(progress, 0.0, SEARCHED)
            raw = self.search(scan, request, log, fine=probabilities, progress=part, cancel=cancel)
            progress(SEARCHED, MEASURING)
            started = time.perf_counter()
            watch = Watch(part_of(progress, SEARCHED, 1.0), MEASURING, cancel)
            found = clean_and_measure(raw, scan.grid, self.card, request, watch=watch)
            cancel.check()
            raw.seconds[MEASURING] = time.perf_counter() - started
        record = self._record(scan, request, raw, log, (host.bytes, device.bytes))
        progress(1.0, MEASURING)
        kept = {**found.probabilities, **raw.fine} if probabilities else {}
        reported = found.labels, found.lesions, found.findings
        return Segmentation(*reported, kept, record, scan.source, raw.disagreement)

    def search(
        self,
        scan: Scan,
        request: Request,
        steps: list[str],
        *,
        fine: bool,
        progress: Progress,
        cancel: CancelToken,
    ) -> RawResult:
        """Run the network in the largest portions that memory allows.

        Args:
            scan: CT in HU.
            request: What to find.
            steps: Gets a sentence for every smaller portion.
            fine: Whether probabilities are wanted at the scan's own voxels, if that is more.
            progress: Told how far it is.
            cancel: Stops the run at the next window.

        Returns:
            What the network found, before any clean-up.

        Raises:
            OutOfMemoryError: If no portion is small enough.
            DeviceError: If the device fails.
            Cancelled: If `cancel` was set.
        """

        def run(setting: Setting) -> RawResult:
            inference = replace(self.card.inference, patch=setting.patch)
            card = replace(self.card, inference=inference)
            placement = _place(setting, self.device)
            is_fine = fine and has_fine_maps(card)
            job = Job(
                *(scan, card, request, self.backend, placement, is_fine),
                *(self.n_apart, self._is_compared),
            )
            return run_network(job, progress=progress, cancel=cancel)

        network = self.card.network
        settings = rungs(
            self.device,
            batch=self._choose_batch(),
            patch=self.card.inference.patch,
            multiple=find_multiple(network.name, network.args),
            sums=self.card.inference.sums,
        )
        return climb_down(run, settings, steps.append, device=self.device)

    def _record(
        self,
        scan: Scan,
        request: Request,
        raw: RawResult,
        steps: Sequence[str],
        peak_bytes: tuple[int, int | None],
    ) -> Provenance:
        """Write down who did what to which scan; `peak_bytes` are the host's and the device's."""
        _log.info("%s", ", ".join(f"{stage}: {s:.1f} s" for stage, s in raw.seconds.items()))
        return Provenance(
            model_id=self.card.id,
            model_version=self.card.version,
            weights_sha256=self.card.weights.sha256,
            device=self.device.description,
            backend=self.backend.name,
            precision=self.backend.precision,
            thresholds=request.thresholds,
            outline=request.outline,
            mirror=bool(request.mirror_axes),
            organs=tuple(organ.key for organ in request.organs),
            input_kind=scan.source.kind,
            input_sha256=scan.source.sha256,
            grid_shape=scan.grid.shape,
            spacing_mm=scan.grid.spacing_mm,
            rungs=tuple(steps),
            notes=(
                *scan.source.notes,
                *engine_notes(scan.grid, self.device, [self.card], self.backend.precision),
            ),
            stage_seconds=raw.seconds,
            windows_run=raw.windows_run,
            windows_skipped=raw.windows_skipped,
            peak_host_bytes=peak_bytes[0],
            peak_device_bytes=peak_bytes[1],
            threads=torch.get_num_threads(),
            disagreement=dict.fromkeys(raw.disagreement, f"{self.n_apart} networks of an ensemble"),
        )


def _place(setting: Setting, device: Device) -> Placement:
    """Where and in what portions a setting has a scan worked on."""
    return Placement(
        setting.batch,
        device.name if setting.resample_on == "device" else "cpu",
        torch.float16 if setting.accumulate == "float16" else torch.float32,
    )


def has_fine_maps(card: ModelCard) -> bool:
    """Tell whether probabilities at the scan's voxels are more than those of the network's grid.

    Where lesions are judged whole, and where probabilities are what is interpolated, they are not.

    Args:
        card: The model.

    Returns:
        Whether they are.
    """
    return card.postprocess.outline is None and card.inference.restore == "logits"


def _find_own_card(model: str | ModelCard, models_dir: Path | None) -> ModelCard:
    if isinstance(model, ModelCard):
        return model
    card = find_card(model, [models_dir] if models_dir is not None else [])
    if isinstance(card, ModelCard):
        return card
    msg = f"'{model}' is a recipe of several models; `make_segmenter` opens it."
    raise InputError(msg)
