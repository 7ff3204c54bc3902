"""Nodes in, nodes out. Runs without any widget: `slicer.util.getModuleLogic("AtlasTumorSeg")`."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from atlastumor.detection.operating_point import thresholds_for
from atlastumor.errors import InputError
from atlastumor.models.card import DEFAULT_MODEL, find_card
from atlastumor.organs import find_organ, select_organs
from AtlasTumorSlicer.Mrml import checkScan
from AtlasTumorSlicer.WorkerLogic import ProgressCallback, WorkerLogic

from .BatchRun import BatchRun
from .CohortCases import CaseRow, CohortResult
from .CohortRun import CohortRun
from .OperatingPoints import readOperatingPoints
from .Parameters import Parameters
from .Run import Run

__all__ = ["AtlasTumorSegLogic"]


class AtlasTumorSegLogic(WorkerLogic):
    """Outlines organs and tumors of a CT.

    >>> logic = slicer.util.getModuleLogic("AtlasTumorSeg")
    >>> segmentationNode = logic.segment(volumeNode, organs=["liver"], device="cpu")
    >>> result = logic.segmentCohort("/data/scans", "/data/results", onCase=print)

    Attributes:
        cohort: The last cohort, or None; also one that has ended.
    """

    parametersClass = Parameters

    def __init__(self) -> None:
        """Start with nothing running."""
        super().__init__()
        self.cohort: BatchRun | None = None

    @property
    def isCohortRunning(self) -> bool:
        """Whether a cohort is under way; it goes on while scenes come and go."""
        return self.cohort is not None and self.cohort.isRunning

    def segment(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode",
        organs: Iterable[str] | None = None,
        *,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        thresholds: Mapping[str, float] | None = None,
        mirror: bool = False,
        operatingPoint: str = "",
        outputSegmentation: "slicer.vtkMRMLSegmentationNode | None" = None,
        wait: bool = True,
        onProgress: ProgressCallback | None = None,
    ) -> "slicer.vtkMRMLSegmentationNode | Run":
        """Outline organs and tumors on a scan, in a process of its own.

        Args:
            volumeNode: The CT; may be under a linear transform.
            organs: Keys such as "liver"; None takes all six.
            model: Id of a model card or a recipe.
            device: "auto", "cpu", "cuda" or "cuda:N".
            backend: "auto", "torch" or "openvino".
            precision: "auto", "fp32", "bf16", "fp16" or "int8".
            thresholds: Least tumor probability by organ key; others keep the model's own.
            mirror: Average over mirrored passes: slower, a little steadier.
            operatingPoint: Content of an operating-point file; `thresholds` come first.
            outputSegmentation: Takes the segments; others' in it stay. None makes a new one.
            wait: Return only when done. Windows stay alive meanwhile.
            onProgress: Told how far it is.

        Returns:
            The segmentation node, or with `wait=False` the run, which has `cancel` and `wait`.

        Raises:
            AtlasTumorError: What cannot be used as given, or (with `wait`) the worker's reason.
            WorkerCrash: If the worker ended without a reason (with `wait`).
        """
        checkScan(volumeNode)
        machine = {"device": device, "backend": backend, "precision": precision}
        more = {"thresholds": thresholds, "mirror": mirror, "operatingPoint": operatingPoint}
        options = self._words(organs=organs, model=model, **machine, **more)
        words = {"worker": self.workerCommand, "options": options, "operatingPoint": operatingPoint}
        run = Run(volumeNode, outputSegmentation, **words)
        return self.startRun(run, onProgress, wait=wait)

    def segmentCohort(
        self,
        inputs: Any,
        outputFolder: "str | Path | None" = None,
        *,
        formats: Iterable[str] = ("nifti",),
        series: str = "best",
        workers: int | None = None,
        loadResults: bool = False,
        listOnly: bool = False,
        wait: bool = True,
        onProgress: ProgressCallback | None = None,
        onCase: Callable[[CaseRow], None] | None = None,
        **how: Any,
    ) -> CohortResult | CohortRun:
        """Outline organs and tumors on many scans, in a process of its own.

        A folder of results that was begun is gone on with: what is done stays, whatever stopped it.

        Args:
            inputs: One or several of: folder, file, manifest (CSV), pattern, volume node.
            outputFolder: For the results. None takes a temporary one, for nodes with `loadResults`.
            formats: Of "nifti", "seg.nrrd" and, for DICOM, "dicom-seg", "dicom-sr", "dicom-sc".
            series: Which DICOM series of a study: "best", "all" or the beginning of a UID.
            workers: Processes; None chooses by cores, memory and device.
            loadResults: Bring the results of nodes back as segmentations beside them, at the end.
            listOnly: Find the cases, and segment none.
            wait: Return only when done. Windows stay alive meanwhile.
            onProgress: Told how far it is.
            onCase: Told of each case that ends.
            how: As `segment` takes it: organs, model, device, backend, precision, thresholds,
                mirror, operatingPoint.

        Returns:
            Counts, folder, and why cases failed, which is no error; with `wait=False` the run,
            which has `cancel`, `wait` and `cases`.

        Raises:
            AtlasTumorError: What cannot be used as given, or (with `wait`) the worker's reason.
            WorkerCrash: If the worker ended without a reason (with `wait`).
        """
        words = [*self._words(**how), "--format", ",".join(formats), "--series", series]
        words += ["--list"] if listOnly else []
        words += ["--workers", str(workers)] if workers is not None else []
        more = {"operatingPoint": how.get("operatingPoint", ""), "loadResults": loadResults}
        run = CohortRun(self.workerCommand, inputs, outputFolder, options=words, **more)
        if onCase is not None:
            run.caseTold.connect(onCase)
        return self.startBatch(run, onProgress, wait=wait)

    def startBatch(
        self, run: BatchRun, onProgress: ProgressCallback | None = None, *, wait: bool
    ) -> CohortResult | BatchRun:
        """Start a `batch` command, which is then the one that `cancelCohort` stops.

        Args:
            run: Not started yet.
            onProgress: Told how far it is.
            wait: Return only when done. Windows stay alive meanwhile.

        Returns:
            Its result, or with `wait=False` the run.
        """
        if onProgress is not None:
            run.progressed.connect(onProgress)
        run.start()
        self.cohort = run
        return run.wait() if wait else run

    def cancelCohort(self) -> None:
        """Stop the cohort under way, if one is; the same command goes on with it."""
        if self.cohort is not None:
            self.cohort.cancel()

    def _words(
        self,
        *,
        organs: Iterable[str] | None = None,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        thresholds: Mapping[str, float] | None = None,
        mirror: bool = False,
        operatingPoint: str = "",
    ) -> list[str]:
        """Words for the worker's command; mistakes are told here, before anything is written."""
        if self.isRunning:
            raise InputError(_("A segmentation is already running; wait for it or cancel it."))
        if self.isCohortRunning:
            raise InputError(_("A cohort is already running; wait for it or stop it."))
        card = find_card(model)
        if operatingPoint:
            thresholds_for(readOperatingPoints(operatingPoint), card)
        keys = [organ.key for organ in select_organs(_listKeys(organs))]
        words = ["--organs", ",".join(keys), "--model", card.id]
        for name, value in (("device", device), ("backend", backend), ("precision", precision)):
            if not isinstance(value, str):
                raise InputError(
                    _("The {name} is {value!r}; a word such as 'auto' is needed.").format(
                        name=name, value=value
                    )
                )
            words.append(f"--{name}={value}")
        if not isinstance(thresholds or {}, Mapping):
            raise InputError(_("Thresholds are to be given by organ, such as {'liver': 0.4}."))
        for key, value in (thresholds or {}).items():
            organ = find_organ(str(key)).key
            words += ["--threshold", f"{organ}={_checkThreshold(organ, value)!r}"]
        return [*words, "--mirror"] if mirror else words


def _listKeys(organs: Any) -> list[str] | None:
    """The keys that were given, of which one alone need be in no list; None for none."""
    if organs is None:
        return None
    isMany = isinstance(organs, Iterable) and not isinstance(organs, str)
    return [str(key) for key in (organs if isMany else [organs])]


def _checkThreshold(organ: str, value: Any) -> float:
    """The threshold as Python's own number, which the worker can read; numpy's say their type."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 <= number <= 1.0:
        raise InputError(
            _("The threshold of {organ} is {value}; it must lie between 0 and 1.").format(
                organ=organ, value=value
            )
        )
    return number
