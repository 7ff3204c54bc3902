"""Detection is arithmetic: it runs in Slicer as Slicer comes, with numpy and scipy alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIBRARY = Path(__file__).parents[3] / "AtlasTumorLib"
HEAVY = "torch monai SimpleITK nibabel pydicom highdicom matplotlib PIL openvino psutil"


def test_detection_needs_numpy_and_scipy_only() -> None:
    folder = LIBRARY / "atlastumor" / "detection"
    modules = [f"atlastumor.detection.{path.stem}" for path in folder.glob("[a-z]*.py")]
    code = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({HEAVY.split()}))\n"
        f"for name in {modules}: importlib.import_module(name)\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=LIBRARY)

    assert len(modules) > 10
