"""Whether a result is whole: every file there, as long as it was and with the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import InputError
from ..results.staging import MANIFEST, SCHEMA
from ..results.tables import identify
from .outcome import CaseOutcome, read_outcome

__all__ = ["verify_result"]


def verify_result(folder: Path, *, thorough: bool = True) -> CaseOutcome:
    """Make sure that a result of a cohort is whole.

    Args:
        folder: Of the case.
        thorough: Compare all bytes of all files, and not the sizes of all but the record's alone.

    Returns:
        How the case went.

    Raises:
        InputError: If a file is missing or altered; names it.
    """
    outcome, expected = read_outcome(folder)
    try:
        if identify(folder / MANIFEST)["sha256"] != expected:
            raise InputError(_say(folder, MANIFEST, "was altered"))
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise InputError(_say(folder, MANIFEST, "is no record of a result"))
        listed = {str(name): dict(told) for name, told in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(_say(folder, MANIFEST, "is missing or damaged")) from error
    for name, told in listed.items():
        _check_file(folder, name, told, thorough=thorough)
    return outcome


def _check_file(folder: Path, name: str, told: dict[str, object], *, thorough: bool) -> None:
    path = folder / name
    try:
        if path.stat().st_size != told["bytes"]:
            raise InputError(_say(folder, name, "has another size"))
        if thorough and identify(path)["sha256"] != told["sha256"]:
            raise InputError(_say(folder, name, "was altered"))
    except (OSError, KeyError) as error:
        raise InputError(_say(folder, name, "is missing")) from error


def _say(folder: Path, name: str, what: str) -> str:
    return f"The result of '{folder.name}' is not whole: {name} {what}. Segment the case again."
