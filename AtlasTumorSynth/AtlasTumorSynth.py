"""AtlasTumorSynth: registers the module with Slicer. What it does lies in AtlasTumorSynthLib."""

import slicer
from AtlasTumorSynthLib.Logic import AtlasTumorSynthLogic
from AtlasTumorSynthLib.SelfTest import AtlasTumorSynthTest
from AtlasTumorSynthLib.Widget import AtlasTumorSynthWidget
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from AtlasTumorSlicer.About import describeModule

__all__ = [
    "AtlasTumorSynth",
    "AtlasTumorSynthLogic",
    "AtlasTumorSynthTest",
    "AtlasTumorSynthWidget",
]


class AtlasTumorSynth(ScriptedLoadableModule):
    """Grows synthetic tumors on CT where the user clicks."""

    def __init__(self, parent: "slicer.qSlicerScriptedLoadableModule") -> None:
        """Describe the module to Slicer."""
        ScriptedLoadableModule.__init__(self, parent)
        describeModule(parent)
        parent.title = _("AtlasTumorSynth")
        parent.dependencies = ["AtlasTumorSeg", "Markups", "Segmentations", "Tables", "Volumes"]
        parent.helpText = _(
            "Grows synthetic tumors on CT. Choose a scan and outlines of its organs, press Place "
            "and click: a tumor grows there in a copy of the scan, which is marked as synthetic. "
            "Change its size or kind, compare before and after, undo, keep. "
            "<b>For research only; not for clinical use.</b>"
        )
