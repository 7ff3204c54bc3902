"""Inside Slicer: install the PyTorch extension and the backend's libraries, without asking."""

import sys
import tomllib
from pathlib import Path

import slicer

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]

manager = slicer.app.extensionsManagerModel()
manager.interactive = False
if not manager.installExtensionFromServer("PyTorch", False):
    sys.exit("The PyTorch extension could not be installed.")

# numpy and SimpleITK are Slicer's own and stay as they are.
slicers_own = ("numpy", "SimpleITK")
libraries = [text for text in project["dependencies"] if not text.startswith(slicers_own)]
slicer.util.pip_install(["--extra-index-url", "https://download.pytorch.org/whl/cpu", *libraries])
slicer.util.pip_install(["--no-deps", *extras["resenc"], *extras["openvino"]])
sys.exit(0)
