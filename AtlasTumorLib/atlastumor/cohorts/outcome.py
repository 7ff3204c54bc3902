"""How a case went, told beside its result, so that the folder alone says all there is to know."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..errors import InputError, OutputError

__all__ = ["OUTCOME", "STAGES", "CaseOutcome", "read_outcome", "save_outcome", "sync"]

OUTCOME = "case.json"
"""Beside a result: for whom it was made, from what, and how long it took."""

STAGES = ("read", "wait", "engine", "write")
"""What the seconds of a case are told for; "wait" is for the engine to be free."""


@dataclass(frozen=True)
class CaseOutcome:
    """What a worker tells of a case that it finished.

    Args:
        case_id: The case.
        token: Of its handing out.
        settings: Fingerprint of what was done.
        size_bytes: Of the input, as it was found.
        modified_ns: Of the input, as it was found.
        seconds: By stage, of `STAGES`.
        peak_host_bytes: Most memory of the process while the engine ran; None if unknown.
        peak_device_bytes: Most device memory; None if unknown or none.
        device: What the network ran on, in words.
    """

    case_id: str
    token: str
    settings: str
    size_bytes: int
    modified_ns: int
    seconds: Mapping[str, float]
    peak_host_bytes: int | None = None
    peak_device_bytes: int | None = None
    device: str = ""

    @property
    def total_seconds(self) -> float:
        """Of all stages, without waiting."""
        return sum(value for stage, value in self.seconds.items() if stage != "wait")


def save_outcome(folder: Path, outcome: CaseOutcome) -> None:
    """Put an outcome beside a complete result, and have the disk hold all of it.

    A journal must never outlive what it speaks of, be it that the power fails.

    Args:
        folder: With the result.
        outcome: How it went.

    Raises:
        OutputError: If the disk is full, or anything else keeps it from being written.
    """
    from ..results.staging import MANIFEST
    from ..results.tables import identify

    try:
        data = asdict(outcome) | {"result": identify(folder / MANIFEST)["sha256"]}
        (folder / OUTCOME).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        for path in (*folder.rglob("*"), folder):
            sync(path)
    except OSError as error:
        msg = f"A result cannot be written: {error.strerror}. Free some space, or look after the "
        msg += "disk, and start again."
        raise OutputError(msg) from error


def read_outcome(folder: Path) -> tuple[CaseOutcome, str]:
    """Read what `save_outcome` wrote.

    Args:
        folder: With the result.

    Returns:
        The outcome, and the hash of the result's record, hex.

    Raises:
        InputError: If it is not there or is no outcome.
    """
    try:
        data = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
        result = str(data.pop("result"))
        outcome = CaseOutcome(**{one.name: data[one.name] for one in fields(CaseOutcome)})
        return outcome, result
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"'{folder.name}' has no readable {OUTCOME}; segment the case again."
        raise InputError(msg) from error


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    is_windows = os.name == "nt"
    if is_windows and path.is_dir():  # which it does not open, and need not
        return
    handle = os.open(path, os.O_RDWR if is_windows else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
