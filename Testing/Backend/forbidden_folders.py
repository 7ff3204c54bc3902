"""Folders that must not be read, also to those who may read everything."""

from __future__ import annotations

from pathlib import Path

import pytest


def forbid(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to look at a folder's files, as at those of somebody else."""
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path.is_relative_to(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
