"""Operating points in the scene: the text of the file, so that a saved scene needs no other."""

import tempfile
from pathlib import Path

import slicer

from atlastumor.detection.operating_point import OperatingPoint, load_operating_points

__all__ = ["readOperatingPoints"]


def readOperatingPoints(text: str) -> tuple[OperatingPoint, ...]:
    """Read operating points from the text of their file.

    Args:
        text: What `atlastumor froc` and AtlasFROC write.

    Returns:
        One per organ.

    Raises:
        InputError: If it is no such text; says what is wrong with it.
    """
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        path = Path(folder) / "operating-points.json"
        path.write_text(text, encoding="utf-8")
        return load_operating_points(path)
