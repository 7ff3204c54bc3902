"""Folders, JSON and YAML from outside: looked through and read within bounds."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ...errors import DependencyError, InputError
from ..schema import parse_json

__all__ = ["find_checkpoints", "list_files", "read_json", "read_yaml"]

_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".model")
_MOST_JSON_BYTES = 8 << 20
_MOST_YAML_BYTES = 1 << 18  # its reader takes seconds for a megabyte
_MOST_NESTED = 64
_MOST_CHARACTERS = 4_000
_MOST_FILES = 20_000
_MOST_LEVELS = 8


def list_files(
    place: Path, names: Collection[str] = (), endings: Collection[str] = ()
) -> list[Path]:
    """Find files in a folder and below it.

    Args:
        place: The folder; links to folders are not followed.
        names: Names to look for.
        endings: Endings to look for, in lower case.

    Returns:
        The files, sorted.

    Raises:
        InputError: If there is more in it than a model has.
    """
    found: list[Path] = []
    n_seen = 0
    for folder, folders, files in os.walk(place):
        depth = len(Path(folder).relative_to(place).parts)
        n_seen += len(files) + len(folders)
        if n_seen > _MOST_FILES or depth > _MOST_LEVELS:
            msg = (
                f"There is more in '{place.name}' than a model has; import the model's own folder."
            )
            raise InputError(msg)
        paths = (Path(folder) / name for name in files)
        found += [p for p in paths if p.name in names or p.suffix.lower() in endings]
    return sorted(found)


def find_checkpoints(place: Path) -> list[Path]:
    """Find the files in a folder that hold weights, by their endings.

    Args:
        place: A folder.

    Returns:
        The files, however deep, by name.

    Raises:
        InputError: If there is more in it than a model has.
    """
    return list_files(place, endings=_CHECKPOINTS)


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a JSON file that holds a table.

    Args:
        path: The file.

    Returns:
        The table.

    Raises:
        InputError: If it cannot be read, is too large or too deep, or holds no table.
    """
    text = _read_text(path, _MOST_JSON_BYTES)
    try:
        data = parse_json(text)
    except ValueError as error:
        msg = f"{path.name} is not valid JSON: {error}."
        raise InputError(msg) from error
    return _as_table(data, path)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a YAML file that holds a table of plain values.

    Args:
        path: The file.

    Returns:
        The table.

    Raises:
        InputError: If it cannot be read, is too large or too deep, holds no table, or refers to
            its own parts, by which a short file grows without end.
        DependencyError: If PyYAML is not installed.
    """
    try:
        import yaml  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        msg = f"{path.name} needs the package pyyaml to be read; install it with pip."
        raise DependencyError(msg) from error
    text = _read_text(path, _MOST_YAML_BYTES)
    try:
        _check_events(yaml, text)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        msg = f"{path.name} is not valid YAML: {' '.join(str(error).split())[:200]}."
        raise InputError(msg) from error
    return _as_table(data, path)


def _check_events(yaml: Any, text: str) -> None:
    """Refuse, before anything is made of it, what takes a reader very long."""
    level = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > _MOST_NESTED:
            msg = "it is nested too deeply"
            raise ValueError(msg)
        if isinstance(event, yaml.AliasEvent):
            msg = "it refers to its own parts with '*', which is not read here"
            raise ValueError(msg)
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > _MOST_CHARACTERS:
            msg = f"it holds a value of {len(event.value)} characters"
            raise ValueError(msg)


def _read_text(path: Path, most_bytes: int) -> str:
    try:
        if path.stat().st_size > most_bytes:
            msg = f"{path.name} is larger than {most_bytes >> 10} kB; that is no configuration."
            raise InputError(msg)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path.name} cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path.name} is no text."
        raise InputError(msg) from error


def _as_table(data: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        msg = f"{path.name} holds a {type(data).__name__} where a table is due."
        raise InputError(msg)
    return data
