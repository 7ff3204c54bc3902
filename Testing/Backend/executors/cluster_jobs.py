"""Jobs for workers of a cluster: of a module's top level, as workers import them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

_LONGEST_S = 300.0


def double(number: float) -> float:
    return 2 * number


def fail(text: str) -> None:
    raise ValueError(text)


def tell_process(_argument: object) -> int:
    return os.getpid()


def nap(task: tuple[Path, str, float]) -> tuple[str, int]:
    """Note the beginning and the end of a job as files; the end is the job's result, beside."""
    folder, token, seconds = task
    _begin(folder, token)
    time.sleep(seconds)
    return _end(folder, token)


def nap_until_told(task: tuple[Path, str]) -> tuple[str, int]:
    """The same, until a file "go" lies there."""
    folder, token = task
    _begin(folder, token)
    deadline = time.monotonic() + _LONGEST_S
    while not (folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return _end(folder, token)


def _begin(folder: Path, token: str) -> None:
    name = f"{token}.{uuid4().hex[:8]}"
    part = folder / f"{name}.part"
    part.write_text(str(os.getpid()))
    part.rename(folder / f"{name}.begun")  # whoever sees it can read it


def _end(folder: Path, token: str) -> tuple[str, int]:
    (folder / f"{token}.staged").write_text(token)
    return token, os.getpid()
