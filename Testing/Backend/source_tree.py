"""What is in the repository: its tracked files, and their parsed sources."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository that git tracks and that is there."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    paths = (REPOSITORY / name for name in listing.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def python_files(root: Path = REPOSITORY) -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(root)]


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()
