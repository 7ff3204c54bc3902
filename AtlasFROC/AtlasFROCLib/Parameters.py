"""What the user chooses, kept in the scene."""

import enum
from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper

from atlastumor.detection.rules import HIT_RULES
from atlastumor.organs import KEYS

__all__ = ["DEFAULT_TARGET", "Parameters", "Source"]

DEFAULT_TARGET = 0.9
_DEFAULT_RULE = next(iter(HIT_RULES))


class Source(enum.Enum):
    """Where a cohort comes from."""

    Folders = "folders"
    Scene = "scene"


@parameterNodeWrapper
class Parameters:
    """Choices that are saved with the scene.

    source - Folders of predictions and references, or nodes of the scene.
    predictions - Folder of the predictions.
    references - Folder of the references.
    scans - Folder of the CTs; empty to look beside references and predictions.
    results - Folder of what was measured; empty if it is a temporary one.
    sceneOrgan - Key of the organ that the nodes of the scene are about.
    probability - Probability map.
    reference - Segmentation of the tumors that are there.
    referenceSegments - Ids of its segments that are tumors.
    scan - The CT of the probability map.
    hitRule - Name of the rule by which a lesion counts as found.
    strict - Whether what touches a lesion without hitting it is a false positive.
    minVolume - Smaller components and lesions do not count, mm3.
    target - Sensitivity to reach.
    organ - Key of the organ that is shown.
    thresholds - Chosen threshold by organ key.
    caseName - The case that is shown.
    show3D - Whether candidates are shown in 3-D views.
    """

    source: Source
    predictions: str
    references: str
    scans: str
    results: str
    sceneOrgan: str = KEYS[0]
    probability: vtkMRMLScalarVolumeNode
    reference: vtkMRMLSegmentationNode
    referenceSegments: list[str]
    scan: vtkMRMLScalarVolumeNode
    hitRule: str = _DEFAULT_RULE
    strict: bool = False
    minVolume: Annotated[float, WithinRange(0.0, 10000.0), Default(30.0)]
    target: Annotated[float, WithinRange(0.01, 1.0), Default(DEFAULT_TARGET)]
    organ: str
    thresholds: dict[str, float]
    caseName: str
    show3D: bool = True
