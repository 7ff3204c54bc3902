"""AtlasTumorSeg: registers the module with Slicer. What it does lies in AtlasTumorSegLib."""

import slicer
from AtlasTumorSegLib.Logic import AtlasTumorSegLogic
from AtlasTumorSegLib.SelfTest import AtlasTumorSegTest
from AtlasTumorSegLib.Widget import AtlasTumorSegWidget
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from AtlasTumorSlicer.About import describeModule

__all__ = ["AtlasTumorSeg", "AtlasTumorSegLogic", "AtlasTumorSegTest", "AtlasTumorSegWidget"]


class AtlasTumorSeg(ScriptedLoadableModule):
    """Outlines organs and tumors of six abdominal organs on CT."""

    def __init__(self, parent: "slicer.qSlicerScriptedLoadableModule") -> None:
        """Describe the module to Slicer."""
        ScriptedLoadableModule.__init__(self, parent)
        describeModule(parent)
        parent.title = _("AtlasTumorSeg")
        parent.dependencies = ["Segmentations", "SubjectHierarchy", "Tables", "Terminologies"]
        parent.helpText = _(
            "Outlines liver, pancreas, kidneys, colon, esophagus and uterus on CT, and the tumors "
            "in them: one segment for each lesion, with volume, diameter and score. Choose a scan "
            "and press Apply; for many scans, open the tab Cohort. "
            "<b>For research only; not for clinical use.</b>"
        )
        slicer.app.connect("startupCompleted()", self.registerSampleData)

    def registerSampleData(self) -> None:
        """Offer the phantom in Sample Data."""
        from AtlasTumorSegLib.Samples import registerSampleData

        registerSampleData(self.resourcePath("Icons/AtlasTumorPhantom.png"))
