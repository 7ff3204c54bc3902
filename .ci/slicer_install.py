"""Inside Slicer: install the PyTorch extension without asking; it is there after the next start."""

import sys

import slicer

manager = slicer.app.extensionsManagerModel()
manager.interactive = False
if not manager.isExtensionInstalled("PyTorch") and not manager.installExtensionFromServer(
    "PyTorch", False
):
    sys.exit("The PyTorch extension could not be installed.")
slicer.util.exit(0)
