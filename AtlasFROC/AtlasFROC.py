"""AtlasFROC: registers the module with Slicer. What it does lies in AtlasFROCLib."""

import slicer
from AtlasFROCLib.Logic import AtlasFROCLogic
from AtlasFROCLib.SelfTest import AtlasFROCTest
from AtlasFROCLib.Widget import AtlasFROCWidget
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from AtlasTumorSlicer.About import describeModule

__all__ = ["AtlasFROC", "AtlasFROCLogic", "AtlasFROCTest", "AtlasFROCWidget"]


class AtlasFROC(ScriptedLoadableModule):
    """Finds, per organ, the threshold that fits the work, and reviews what it yields."""

    def __init__(self, parent: "slicer.qSlicerScriptedLoadableModule") -> None:
        """Describe the module to Slicer."""
        ScriptedLoadableModule.__init__(self, parent)
        describeModule(parent)
        parent.title = _("AtlasFROC")
        parent.dependencies = ["Segmentations", "SubjectHierarchy", "Volumes"]
        parent.helpText = _(
            "Measures how many tumors and how many false positives every threshold of a model's "
            "probability maps gives, on scans whose tumors are known. Choose predictions and "
            "references and press Measure; then click the curve or drag the slider, see the "
            "candidates change on the scan, and save the operating point for AtlasTumorSeg. "
            "<b>For research only; not for clinical use.</b>"
        )
