"""Hashes that the user accepted: what a file was when it first came, it must be ever after.

For files whose authors publish no hash. They lie in the models folder as `pins.json`, by address.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from ..errors import WeightsError
from .folders import PINS_NAME
from .published import PublishedFile
from .schema import parse_json

__all__ = ["find_digest", "pin_digest"]

_MOST_BYTES = 1_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")


def find_digest(published: PublishedFile, folder: Path) -> str:
    """Find what a file must be.

    Args:
        published: Which file.
        folder: The models folder.

    Returns:
        The published SHA-256, else the one that the user accepted; empty if there is neither.

    Raises:
        WeightsError: If the pins cannot be read.
    """
    return published.sha256 or _read_pins(folder).get(published.url, "")


def pin_digest(published: PublishedFile, folder: Path, digest: str) -> None:
    """Remember what the user accepted.

    Args:
        published: Which file.
        folder: The models folder.
        digest: SHA-256 of the file, hex.

    Raises:
        WeightsError: If the pins cannot be read.
        OSError: If they cannot be written; the former ones stay.
    """
    pins = {**_read_pins(folder), published.url: digest}
    path = folder / PINS_NAME
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(json.dumps(pins, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _read_pins(folder: Path) -> dict[str, str]:
    path = folder / PINS_NAME
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is larger than 1 MB")
        pins = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(pins, dict) or not all(map(_is_pin, pins.values())):
            raise ValueError("it must map addresses to SHA-256 in hex")
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError, OSError) as error:
        msg = (
            f"The accepted hashes in '{path}' cannot be read ({error}). Correct the file, or "
            "remove it to be asked again."
        )
        raise WeightsError(msg) from error
    return pins


def _is_pin(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
