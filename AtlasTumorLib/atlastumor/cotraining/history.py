"""What a run has been through, in two tables beside its checkpoint.

    history.csv     step, loss, learning rate, seconds, those waited for patches, synthetic tumors
    validation.csv  step, organ, Dice, lesions, found, false positives

A run that is taken up drops the rows after its checkpoint's step and writes them again.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["STEPS", "VALIDATION", "Table"]

STEPS = ("step", "loss", "learning_rate", "seconds", "waited", "made", "no_room")
VALIDATION = ("step", "organ", "cases", "dice", "lesions", "found", "false_positives")


@dataclass(frozen=True)
class Table:
    """A table that grows by rows whose first column is a step.

    Args:
        path: The file; made when the first row comes.
        columns: Names.
    """

    path: Path
    columns: Sequence[str]

    def rows(self) -> list[dict[str, str]]:
        """Read the rows; what a killed process or a failing disk left unreadable is left out."""
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
            # The head is no row of numbers, so that it need not be whole to be left out.
            return [row for row in csv.DictReader(file, self.columns) if _is_whole(row)]

    def cut(self, step: int) -> None:
        """Drop what comes after a step.

        Args:
            step: The last that stays.
        """
        kept = [row for row in self.rows() if int(row["step"]) <= step]
        part = self.path.with_name(f".{self.path.name}.part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(kept)
        os.replace(part, self.path)  # noqa: PTH105 - Path.replace hides that it must be one rename

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows.

        Args:
            rows: With the table's columns; floats are written so that they are read back the same.
        """
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns).writerows(rows)


def _is_whole(row: Mapping[str | None, Any]) -> bool:
    """Whether no cell is missing or too many, and every one but an organ's name is a number."""
    if None in row or None in row.values() or not row["step"].isdecimal():
        return False
    try:
        for name in row.keys() - {"organ"}:
            float(row[name])
    except ValueError:
        return False
    return True
