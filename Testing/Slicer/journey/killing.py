"""A reader in a process of its own, killed in the middle if wished, and what the log kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from atlastumor.review import read_log
from Slicer.journey.places import Places

Decision = tuple[str, str, str]
"""Kind, scan, candidate."""

_READER = Path(__file__).with_name("reader.py")


def run_reader(
    places: Places,
    *,
    kill_after: int | None = None,
    hold_after: int | None = None,
    pictures: bool = False,
) -> list[Decision]:
    """Let the reader work; kill -9 after so many decisions. Gives those that were acknowledged.

    Args:
        places: Where all is.
        kill_after: How many decisions; None to let it finish.
        hold_after: After how many it waits for a kill that comes late; None for never.
        pictures: Whether it takes pictures.

    Raises:
        RuntimeError: If the reader ended by itself and had not finished.
    """
    words = [sys.executable, str(_READER), str(places.root), "--reviewed", places.reviewed]
    words += ["--pictures"] if pictures else []
    words += [] if hold_after is None else ["--hold-after", str(hold_after)]
    acknowledged: list[Decision] = []
    is_finished = False
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            match line.split():
                case ["done", kind, scan, candidate]:
                    acknowledged.append((kind, scan, candidate))
                    if len(acknowledged) == kill_after:
                        process.kill()
                case ["finished"]:
                    is_finished = True
    if not is_finished and kill_after is None:
        raise RuntimeError(f"The reader ended with {process.returncode}.")
    return acknowledged


def find_lost(places: Places, acknowledged: list[Decision]) -> list[Decision]:
    """Which decisions that were acknowledged are not in the log."""
    entries = read_log(places.review).entries
    logged = {(entry.kind, entry.scan, entry.candidate) for entry in entries}
    return [decision for decision in acknowledged if decision not in logged]
