"""What all modules say about themselves alike."""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate

__all__ = ["describeModule"]


def describeModule(parent: "slicer.qSlicerScriptedLoadableModule") -> None:
    """Set a module's category, contributors and acknowledgment.

    Args:
        parent: What the module's class gets from Slicer; it sets title, dependencies and help.
    """
    parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
    parent.contributors = ["AtlasTumor contributors"]
    parent.acknowledgementText = _(
        "If you use this module, please cite: Scaling Tumor Segmentation: Best Lessons from "
        "Real and Synthetic Data, IEEE/CVF International Conference on Computer Vision "
        "(ICCV), 2025."
    )
