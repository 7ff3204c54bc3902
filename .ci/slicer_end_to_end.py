"""Inside Slicer: a phantom becomes segments, with the real worker and the embedded model."""

import sys
import traceback

import slicer
from AtlasTumorSegLib.Samples import makePhantom

from AtlasTumorSlicer.Install import Installer

try:
    Installer(confirm=lambda _question: True).ensure()
    logic = slicer.util.getModuleLogic("AtlasTumorSeg")
    segmentation = logic.segment(makePhantom()).GetSegmentation()
    n_segments = segmentation.GetNumberOfSegments()
    if not n_segments:
        sys.exit("The phantom holds tumors, but no segment came back.")
except Exception:  # noqa: BLE001 - Slicer would show it and stay open
    traceback.print_exc()
    slicer.util.exit(1)
else:
    slicer.util.exit(0)
