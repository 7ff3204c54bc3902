"""Files in JSON that users write or bring: cohorts, data sets, configurations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from ..models.schema import parse_json
from ..scans.input_files import name_of, refuse, require_file

__all__ = ["read_document"]


def read_document(path: Path, *, give: str) -> Any:
    """Read a file in JSON, strictly.

    Args:
        path: The file, UTF-8; a byte order mark, as editors on Windows write, is passed over.
        give: What it is to be, in words, for whoever named one that is not there.

    Returns:
        What it holds; nothing of it is checked yet.

    Raises:
        InputError: If it cannot be read or is no JSON.
    """
    try:
        return parse_json(require_file(path, give=give).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise refuse(path, error, give=give) from error
    except InputError:
        raise
    except ValueError as error:
        msg = f"{name_of(path)} is not valid JSON: {error}."
        raise InputError(msg) from error
