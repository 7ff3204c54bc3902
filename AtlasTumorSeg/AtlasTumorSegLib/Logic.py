"""Nodes in, nodes out. Runs without any widget: `slicer.util.getModuleLogic("AtlasTumorSeg")`."""

from collections.abc import Iterable, Mapping

import slicer
from slicer.i18n import tr as _

from atlastumor.detection.operating_point import thresholds_for
from atlastumor.errors import InputError
from atlastumor.models.card import DEFAULT_MODEL, find_card
from atlastumor.models.recipe import Model
from atlastumor.organs import find_organ, select_organs
from AtlasTumorSlicer.Mrml import checkScan
from AtlasTumorSlicer.WorkerLogic import ProgressCallback, WorkerLogic

from .OperatingPoints import readOperatingPoints
from .Parameters import Parameters
from .Run import Run

__all__ = ["AtlasTumorSegLogic"]


class AtlasTumorSegLogic(WorkerLogic):
    """Outlines organs and tumors of a CT.

    >>> logic = slicer.util.getModuleLogic("AtlasTumorSeg")
    >>> segmentationNode = logic.segment(volumeNode, organs=["liver"], device="cpu")
    """

    parametersClass = Parameters

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
            precision: "auto", "fp32", "bf16" or "fp16".
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
        card = self._check(volumeNode, model, operatingPoint)
        options = _options(organs, card.id, thresholds or {}, isMirrored=mirror)
        options += ["--device", device, "--backend", backend, "--precision", precision]
        run = Run(
            volumeNode,
            outputSegmentation,
            worker=self.workerCommand,
            options=options,
            operatingPoint=operatingPoint,
        )
        return self.startRun(run, onProgress, wait=wait)

    def _check(
        self, volumeNode: "slicer.vtkMRMLScalarVolumeNode", model: str, operatingPoint: str
    ) -> Model:
        """Refuse what cannot run, before anything is written; gives the model's card."""
        if self.isRunning:
            raise InputError(_("A segmentation is already running; wait for it or cancel it."))
        checkScan(volumeNode)
        card = find_card(model)
        if operatingPoint:
            thresholds_for(readOperatingPoints(operatingPoint), card)
        return card


def _options(
    organs: Iterable[str] | None, model: str, thresholds: Mapping[str, float], *, isMirrored: bool
) -> list[str]:
    """Words for the worker's command, checked here so that mistakes are told before it starts."""
    keys = [organ.key for organ in select_organs(organs)]
    words = ["--organs", ",".join(keys), "--model", model]
    for key, value in thresholds.items():
        if not 0.0 <= value <= 1.0:
            raise InputError(
                _("The threshold of {organ} is {value}; it must lie between 0 and 1.").format(
                    organ=key, value=value
                )
            )
        words += ["--threshold", f"{find_organ(key).key}={value!r}"]
    return [*words, "--mirror"] if isMirrored else words
