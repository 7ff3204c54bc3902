"""AtlasTumor's backend: tumors of six abdominal organs on CT, without Slicer.

Importing this package loads neither torch nor monai; what needs them is imported on first use.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inference.engine import Segmenter
    from .inference.recipes import make_segmenter
    from .inference.result import Segmentation
    from .scans import read_scan

__all__ = ["Segmentation", "Segmenter", "__version__", "make_segmenter", "read_scan"]

__version__ = "0.1.0"

_HOMES = {
    "Segmenter": "inference.engine",
    "Segmentation": "inference.result",
    "make_segmenter": "inference.recipes",
    "read_scan": "scans",
}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
