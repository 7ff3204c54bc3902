"""From the log's lines to what holds now: a pure fold, so that whatever was logged is the state.

The latest decision about a candidate holds, whoever made it; a line that was undone never happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .entries import DECISIONS, Entry

__all__ = ["ReviewState", "ScanState", "find_undoable", "fold"]


@dataclass(frozen=True)
class ScanState:
    """What was decided about one scan.

    Args:
        verdicts: The latest "accept" or "reject" of each candidate, by its key. Adding a tumor or
            editing a border accepts it.
        decided: Keys decided in each role.
        added: Tumors that a reader added, by key, in order.
        outlines: File of the newest drawn or edited outline, by key.
        disagreements: Keys about which two readers of one role decided differently.
        done: Roles in which the scan is finished.
        shown: Fingerprint of its candidates when it was first shown.
        readers: Who decided something or finished it.
    """

    verdicts: Mapping[str, Entry] = field(default_factory=dict)
    decided: Mapping[str, frozenset[str]] = field(default_factory=dict)
    added: Mapping[str, Entry] = field(default_factory=dict)
    outlines: Mapping[str, str] = field(default_factory=dict)
    disagreements: tuple[str, ...] = ()
    done: frozenset[str] = frozenset()
    shown: str = ""
    readers: frozenset[str] = frozenset()

    def is_accepted(self, key: str) -> bool | None:
        """Tell whether a candidate was accepted; None if nobody has decided."""
        verdict = self.verdicts.get(key)
        return None if verdict is None else verdict.kind != "reject"

    def list_standing(self) -> tuple[Entry, ...]:
        """List the decision that stands for each candidate; an added tumor's that stays is "add".

        Whoever adds a tumor draws its border next, and it is still one that was added.
        """
        return tuple(
            self.added[key] if key in self.added and self.is_accepted(key) else verdict
            for key, verdict in self.verdicts.items()
        )


@dataclass(frozen=True)
class ReviewState:
    """What holds now.

    Args:
        scans: By case; scans never shown are not in it.
    """

    scans: Mapping[str, ScanState]

    def scan(self, name: str) -> ScanState:
        """Give the state of a scan; an empty one for a scan that was never shown."""
        return self.scans.get(name, ScanState())


def fold(entries: Iterable[Entry]) -> ReviewState:
    """Give the state that a log amounts to.

    Args:
        entries: Its lines, in order.

    Returns:
        What holds after the last one.
    """
    every = tuple(entries)
    undone = {entry.undoes for entry in every if entry.kind == "undo"}
    by_scan: dict[str, list[Entry]] = {}
    for entry in every:
        if entry.scan and entry.n not in undone:
            by_scan.setdefault(entry.scan, []).append(entry)
    return ReviewState({scan: _fold_scan(lines) for scan, lines in by_scan.items()})


def find_undoable(entries: Sequence[Entry], who: str) -> Entry | None:
    """Find the decision that undo would take back: the reader's own last one that still holds.

    Args:
        entries: The log's lines.
        who: The reader.

    Returns:
        The line, or None if there is none left.
    """
    undone = {entry.undoes for entry in entries if entry.kind == "undo"}
    for entry in reversed(entries):
        if entry.who == who and entry.kind in DECISIONS and entry.n not in undone:
            return entry
    return None


def _fold_scan(lines: Sequence[Entry]) -> ScanState:
    decisions = [entry for entry in lines if entry.kind in DECISIONS]
    decided: dict[str, set[str]] = {}
    for entry in decisions:
        decided.setdefault(entry.role, set()).add(entry.candidate)
    acting = (entry for entry in lines if entry.kind in (*DECISIONS, "done"))
    return ScanState(
        verdicts={entry.candidate: entry for entry in decisions},
        decided={role: frozenset(keys) for role, keys in decided.items()},
        added={entry.candidate: entry for entry in decisions if entry.kind == "add"},
        outlines={entry.candidate: entry.outline for entry in decisions if entry.outline},
        disagreements=_find_disagreements(decisions),
        done=_find_done(lines),
        shown=next((entry.shown for entry in lines if entry.shown), ""),
        readers=frozenset(entry.who for entry in acting),
    )


def _find_disagreements(decisions: Iterable[Entry]) -> tuple[str, ...]:
    """Compare each reader's last word on each candidate within a role."""
    words: dict[tuple[str, str], dict[str, bool]] = {}
    for entry in decisions:
        place = words.setdefault((entry.candidate, entry.role), {})
        place[entry.who] = entry.kind != "reject"
    return tuple(sorted({key for (key, _), said in words.items() if len({*said.values()}) > 1}))


def _find_done(lines: Sequence[Entry]) -> frozenset[str]:
    """Find the roles in which nothing was taken back after the scan was finished."""
    done: set[str] = set()
    for entry in lines:
        if entry.kind == "done":
            done.add(entry.role)
        elif entry.kind == "undo":
            done.discard(entry.role)
    return frozenset(done)
