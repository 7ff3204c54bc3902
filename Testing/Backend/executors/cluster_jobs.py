"""Jobs for workers of a cluster: of a module's top level, as workers import them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4


def double(number: float) -> float:
    return 2 * number


def fail(text: str) -> None:
    raise ValueError(text)


def tell_process(_argument: object) -> int:
    return os.getpid()


def nap(task: tuple[Path, str, float]) -> tuple[str, int]:
    """Note the beginning and the end of a job as files; the end is the job's result, beside."""
    folder, token, seconds = task
    (folder / f"{token}.{uuid4().hex[:8]}.begun").write_text(str(os.getpid()))
    time.sleep(seconds)
    (folder / f"{token}.staged").write_text(token)
    return token, os.getpid()
