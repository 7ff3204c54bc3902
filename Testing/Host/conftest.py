"""Make the package `host` importable and give its fixtures to its own tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from host.plugin import a_scene, a_slicer, load_module  # noqa: F401
