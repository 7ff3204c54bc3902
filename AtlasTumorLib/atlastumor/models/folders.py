"""Where models lie that the user imported or fetched."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["PINS_NAME", "default_models_dir"]

PINS_NAME = "pins.json"
"""File of the models folder with the hashes that the user accepted; no model card."""

_VARIABLE = "ATLASTUMOR_MODELS_DIR"


def default_models_dir() -> Path:
    """Say where weights and imported models lie unless a folder is named.

    Returns:
        What the environment variable ATLASTUMOR_MODELS_DIR names, or `AtlasTumor/models` in the
        folder in which the system keeps a user's data. It need not exist.
    """
    if named := os.environ.get(_VARIABLE):
        return Path(named).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = home / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return data / "AtlasTumor" / "models"
