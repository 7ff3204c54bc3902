"""What the user chooses: kept in the scene for the case, in the settings for the machine."""

from typing import Annotated

import qt
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import Default, parameterNodeWrapper

from atlastumor.models.card import DEFAULT_MODEL
from atlastumor.organs import KEYS

__all__ = ["Parameters", "readMachine", "writeMachine"]


_MACHINE_DEFAULTS = {
    "device": "auto",
    "backend": "auto",
    "precision": "auto",
    "cohortInputs": "[]",
    "cohortFolder": "",
}
_GROUP = "AtlasTumor"


@parameterNodeWrapper
class Parameters:
    """Choices that are saved with the scene.

    inputVolume - The CT.
    outputSegmentation - Where the segments go; none makes a new one.
    lesionTable - The last result.
    organs - Keys of the organs to look at.
    model - Id of the model card.
    thresholds - Least tumor probability by organ key; absent organs keep the model's own.
    mirror - Average over mirrored passes.
    operatingPoint - Content of an operating-point file; empty for none.
    seriesRule - Which DICOM series of a study a cohort takes: "best" or "all".
    formats - What a cohort writes beside labels, table and record.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    outputSegmentation: vtkMRMLSegmentationNode
    lesionTable: vtkMRMLTableNode
    organs: Annotated[list[str], Default(generator=lambda: list(KEYS))]
    model: str = DEFAULT_MODEL
    thresholds: dict[str, float]
    mirror: bool = False
    operatingPoint: str
    seriesRule: str = "best"
    formats: list[str]


def readMachine(name: str) -> str:
    """Read a choice that belongs to this computer, such as "device" or "cohortFolder"."""
    return str(qt.QSettings().value(f"{_GROUP}/{name}", _MACHINE_DEFAULTS[name]))


def writeMachine(name: str, value: str) -> None:
    """Keep a choice that belongs to this computer."""
    qt.QSettings().setValue(f"{_GROUP}/{name}", value)
