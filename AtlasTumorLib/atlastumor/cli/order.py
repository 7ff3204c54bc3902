"""A module's own worker: told what to do in one JSON object, it tells how it went in JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import AtlasTumorError, DependencyError
from .console import Console

__all__ = ["run_order"]


def run_order(
    carry_out: Callable[[dict[str, Any], Console], tuple[Path, Sequence[Path]]],
) -> int:
    """Read the order that is the process's only argument, carry it out, tell how it ended.

    Args:
        carry_out: Takes the order; gives a folder and the files that it made in it.

    Returns:
        The exit code.
    """
    console = Console(as_json=True)
    try:
        console.result(*carry_out(json.loads(sys.argv[1]), console))
    except ModuleNotFoundError as error:
        missing = DependencyError(f"The package '{error.name}' is missing in Slicer's Python.")
        console.fail("DependencyError", str(missing), missing.exit_code)
        return missing.exit_code
    except AtlasTumorError as error:
        console.fail(type(error).__name__, str(error), error.exit_code)
        return error.exit_code
    return 0
