"""AtlasFROC: registers the module with Slicer. What it does lies in AtlasFROCLib."""

import slicer
from AtlasFROCLib.Logic import AtlasFROCLogic
from AtlasFROCLib.SelfTest import AtlasFROCTest
from AtlasFROCLib.Widget import AtlasFROCWidget
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

__all__ = ["AtlasFROC", "AtlasFROCLogic", "AtlasFROCTest", "AtlasFROCWidget"]


class AtlasFROC(ScriptedLoadableModule):
    """Finds, per organ, the threshold that fits the work, and reviews what it yields."""

    def __init__(self, parent: "slicer.qSlicerScriptedLoadableModule") -> None:
        """Describe the module to Slicer."""
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("AtlasFROC")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "SubjectHierarchy", "Volumes"]
        parent.contributors = ["AtlasTumor contributors"]
        parent.helpText = _(
            "Measures how many tumors and how many false positives every threshold of a model's "
            "probability maps gives, on scans whose tumors are known. Choose predictions and "
            "references and press Measure; then click the curve or drag the slider, see the "
            "candidates change on the scan, and save the operating point for AtlasTumorSeg. "
            "<b>For research only; not for clinical use.</b>"
        )
        parent.acknowledgementText = _(
            "If you use this module, please cite: Scaling Tumor Segmentation: Best Lessons from "
            "Real and Synthetic Data, IEEE/CVF International Conference on Computer Vision "
            "(ICCV), 2025."
        )
