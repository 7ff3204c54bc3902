"""What the command says, and how: a progress bar for people, JSON lines for programs.

The only place of the backend that prints. Results go to standard output, the bar and errors to
standard error; with `--json-progress` every event is one JSON object per line on standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import OutputError

__all__ = ["Console", "say_seconds"]

_BAR = 28
_REDRAW_SECONDS = 0.1


class Console:
    """One run's voice.

    Args:
        as_json: Speak JSON lines.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        """Start the clock that remaining time is told by."""
        self.as_json = as_json
        self._bar = not as_json and sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0
        self._fraction = 0.0
        self._stage = ""

    def progress(
        self,
        fraction: float,
        stage: str,
        seconds_left: float | None = None,
        *,
        guesses: bool = True,
    ) -> None:
        """Show how far the work is; calls that would change nothing visible are dropped.

        Args:
            fraction: Share done, in [0, 1]; never goes back.
            stage: What is being done.
            seconds_left: If that is known better than from the share done since the start.
            guesses: Whether to tell it by that share otherwise; not where earlier runs did some.
        """
        self._fraction = max(self._fraction, min(fraction, 1.0))
        now = time.monotonic()
        if stage == self._stage and now - self._drawn < _REDRAW_SECONDS:
            return
        self._stage, self._drawn = stage, now
        left = self._seconds_left(now) if guesses else None
        left = left if seconds_left is None else round(seconds_left, 1)
        if self.as_json:
            self._emit(
                "progress", fraction=round(self._fraction, 4), stage=stage, seconds_left=left
            )
        elif self._bar:
            self._draw(stage, left)

    def _seconds_left(self, now: float) -> float | None:
        if self._fraction < 0.02:
            return None
        elapsed = now - self._started
        return round(elapsed * (1 - self._fraction) / self._fraction, 1)

    def _draw(self, stage: str, left: float | None) -> None:
        full = round(self._fraction * _BAR)
        bar = "#" * full + "." * (_BAR - full)
        time_left = f", {say_seconds(left)} left" if left is not None else ""
        line = f"[{bar}] {self._fraction:4.0%} {stage}{time_left}"
        sys.stderr.write(f"\r{line:<79}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar off the screen."""
        if self._bar:
            sys.stderr.write("\r" + " " * 79 + "\r")
            sys.stderr.flush()

    def say(self, text: str) -> None:
        """Say something to a person; programs get it in the result."""
        if not self.as_json:
            self.clear()
            self._print(text)

    def note(self, text: str) -> None:
        """Say something that is not the result, such as which device is used."""
        if self.as_json:
            self._emit("note", message=text)
        else:
            self.clear()
            print(text, file=sys.stderr)  # noqa: T201 - this is the place that prints

    @property
    def can_ask(self) -> bool:
        """Whether a person is there who could answer."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str) -> bool:
        """Ask a person; whether the answer is yes.

        Args:
            question: With what may be answered; `can_ask` holds.
        """
        self.clear()
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def result(self, directory: Path, files: Sequence[Path], **more: Any) -> None:
        """Name the files that were written, if any, as the last thing that is said."""
        if self.as_json:
            names = [str(path) for path in files]
            self._emit("result", directory=str(directory), files=names, **more)
            return
        if files:
            self.say("\n".join(["Wrote:", *(f"  {path}" for path in files)]))

    def document(self, data: Mapping[str, Any]) -> None:
        """Print one JSON document.

        Args:
            data: Ready for JSON.
        """
        if self.as_json:
            self._emit("document", data=data)
        else:
            self.say(json.dumps(data, indent=2, ensure_ascii=False))

    def reply(self, **fields: Any) -> None:
        """Answer one of many requests that a program made.

        Args:
            fields: Of the answer, ready for JSON.
        """
        self._emit("reply", **fields)

    def case(
        self, case_id: str, state: str, reason: str, seconds: float | None, **more: Any
    ) -> None:
        """Tell of one of many cases that ended; to a person only if it failed.

        Args:
            case_id: The case.
            state: Where it stands now.
            reason: Why it failed; empty if it did not.
            seconds: That it took; None if it is not done.
            more: For programs, ready for JSON.
        """
        if self.as_json:
            self._emit("case", id=case_id, state=state, reason=reason, seconds=seconds, **more)
        elif reason:
            self.note(f"{case_id}: {state}. {reason}")

    def fail(self, kind: str, message: str, exit_code: int) -> None:
        """Say in one line why there is no result.

        Args:
            kind: Class of the error.
            message: What happened and what to do; line breaks become spaces.
            exit_code: Of the process.
        """
        message = " ".join(message.split())
        if self.as_json:
            self._emit("error", kind=kind, message=message, exit_code=exit_code)
        else:
            self.clear()
            print(f"atlastumor: {message}", file=sys.stderr)  # noqa: T201

    def table(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print rows with the same keys as aligned columns, or as a JSON list."""
        if self.as_json:
            self._emit("table", rows=list(rows))
            return
        if not rows:
            return
        columns = list(rows[0])
        texts = [[str(row[column]) for column in columns] for row in rows]
        widths = [max(len(text) for text in cells) for cells in zip(columns, *texts, strict=True)]
        for cells in ([column.replace("_", " ") for column in columns], *texts):
            line = "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True))
            self.say(line.rstrip())

    def _emit(self, event: str, **fields: Any) -> None:
        self._print(json.dumps({"event": event, **fields}))

    def _print(self, text: str) -> None:
        """Print a line at once, so that what keeps it from being printed shows here.

        What the terminal has no character for, as in names of files that are no text, is escaped.
        """
        encoding = sys.stdout.encoding or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        try:
            print(text, flush=True)  # noqa: T201 - this is the place that prints
        except OSError as error:
            with suppress(OSError, ValueError):  # the process flushes it again when it ends
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.as_json = False  # what is left to say goes to standard error
            msg = f"Standard output cannot be written to: {(error.strerror or '').lower()}."
            raise OutputError(msg) from error


def say_seconds(seconds: float) -> str:
    """Say a time in the unit that suits it: 42 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
