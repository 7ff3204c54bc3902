"""One reader at work: which scan is shown, which candidate is next, what was just decided.

Every decision is in the log before the call that made it returns. A session holds nothing that the
log does not, but for which candidate is looked at and the seconds since the last line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from .cases import ScanCandidates, read_candidates
from .entries import DECISIONS, Basis, Entry, check_reader
from .export import check_candidates
from .log import ReviewLog
from .outlines import Outline, load_outline, save_outline
from .queue import Item, find_next, find_next_scan, identify_items
from .state import ReviewState, ScanState, find_undoable, fold
from .times import Stopwatch

__all__ = ["ReviewSession"]


class ReviewSession:
    """A reader's work on a review.

    Args:
        folder: The review's; made if it is not there, gone on with if it is.
        scans: Folder or label map of each case, by name, in the order in which they are read.
        basis: What the review rests on.
        who: The name that the reader typed.
        role: Of `ROLES`.
        watch: Counts the seconds a scan is shown.

    Attributes:
        folder: As given.
        basis: As given.
        who: The reader.
        role: As given.
        watch: As given.
        scan: The scan that is shown, or None.
        current: The candidate that is looked at, or None.

    Raises:
        InputError: If the name is empty, or the review there rests on another basis.
    """

    def __init__(
        self,
        folder: Path,
        scans: Mapping[str, Path],
        basis: Basis,
        *,
        who: str,
        role: str,
        watch: Stopwatch | None = None,
    ) -> None:
        """Open the log."""
        self.who, self.role = check_reader(who), role
        self.folder, self.basis = folder, basis
        self.watch = watch or Stopwatch()
        self.scan: ScanCandidates | None = None
        self.current: Item | None = None
        self._scans = dict(scans)
        self._log = ReviewLog(folder, basis)
        self._state = fold(self._log.entries)

    @property
    def names(self) -> tuple[str, ...]:
        """The cases, in the order in which they are read."""
        return tuple(self._scans)

    @property
    def place(self) -> Path:
        """Folder or label map of the scan that is shown."""
        return self._scans[self._shown.name]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The log's lines."""
        return self._log.entries

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about the log, one sentence each."""
        return self._log.content.notes

    @property
    def state(self) -> ReviewState:
        """What holds now."""
        return self._state

    @property
    def scan_state(self) -> ScanState:
        """What was decided about the scan that is shown."""
        return self._state.scan(self._shown.name)

    @property
    def items(self) -> tuple[Item, ...]:
        """The candidates of the scan that is shown, added tumors last; none without a scan."""
        return self.scan.items(self.scan_state) if self.scan is not None else ()

    @property
    def n_done(self) -> int:
        """Scans that are finished in the reader's role."""
        return sum(self.role in self._state.scan(name).done for name in self._scans)

    def find_scan(self, *, after: str = "") -> str | None:
        """Find the scan that waits after another: where one stopped, when a review is resumed."""
        return find_next_scan(self.names, self._state, self.role, after=after)

    def show(self, name: str) -> ScanCandidates:
        """Take up a scan. Its seconds count once `watch.start` is called: when it can be seen.

        Args:
            name: The case's.

        Returns:
            Its candidates.

        Raises:
            InputError: If its maps cannot be read, or are not those that were reviewed before.
        """
        if name not in self._scans:
            msg = f"There is no scan '{name}' among the predictions."
            raise InputError(msg)
        self.leave()
        scan = read_candidates(name, self._scans[name], self.basis)
        self._log.refresh()
        self._state = fold(self._log.entries)
        check_candidates(scan, self._state.scan(name))
        self.scan = scan
        self._write("show", shown=identify_items(scan.items()))
        self.current = self.find_item() or next(iter(self.items), None)
        return scan

    def leave(self) -> None:
        """Take the scan away; its seconds are recorded first."""
        if self.scan is not None:
            self.watch.stop()
            self._write("leave")
            self.scan = self.current = None

    def find_item(self) -> Item | None:
        """Find the candidate that waits after the current one; None if none does."""
        after = self.current.key if self.current else ""
        return find_next(self.items, self.scan_state, self.role, after=after)

    def advance(self) -> Item | None:
        """Look at the candidate that waits next; stay where one is if none does."""
        found = self.find_item()
        self.current = found or self.current
        return found

    def choose(self, key: str) -> Item:
        """Look at the candidate with this key."""
        self.watch.touch()
        self.current = next(item for item in self.items if item.key == key)
        return self.current

    def accept(self) -> Entry:
        """Keep the current candidate."""
        return self._decide("accept", self._chosen)

    def reject(self) -> Entry:
        """Remove the current candidate."""
        return self._decide("reject", self._chosen)

    def edit_border(self, key: str, outline: Outline) -> Entry:
        """Replace the outline of a candidate.

        Args:
            key: Of one of `items`.
            outline: The new one; empty if everything was erased.

        Returns:
            The line in the log.
        """
        item = next(item for item in self.items if item.key == key)
        self.check_allowed("border")
        return self._decide("border", item, outline=save_outline(self.folder, outline))

    def add_tumor(self, organ: str, voxel: tuple[int, int, int], outline: Outline) -> Entry:
        """Add a tumor that has no candidate.

        Args:
            organ: The organ's key; one of the review.
            voxel: (i, j, k) in it.
            outline: What its drawing begins with.

        Returns:
            The line in the log.
        """
        self.check_allowed("add")
        line = self._write(
            "add",
            organ=organ,
            voxel=voxel,
            outline=save_outline(self.folder, outline),
            threshold=self.basis.thresholds.get(organ),
        )
        self.current = next(item for item in self.items if item.key == line.candidate)
        return line

    def undo(self) -> Entry | None:
        """Take back the reader's last decision that still holds, in whichever scan it was made.

        Returns:
            The decision that was taken back, or None if there is none; the caller shows its scan.
        """
        self._log.refresh()
        last = find_undoable(self._log.entries, self.who)
        if last is None:
            return None
        if self.scan is not None and self.scan.name != last.scan:
            self.leave()
        self._write("undo", scan=last.scan, candidate=last.candidate, undoes=last.n, role=last.role)
        if self.scan is not None:
            keys = {item.key: item for item in self.items}
            self.current = keys.get(last.candidate, next(iter(self.items), None))
        return last

    def finish(self) -> Entry:
        """Call the scan finished in the reader's role.

        Returns:
            The line in the log.

        Raises:
            InputError: If a candidate still waits.
        """
        waiting = find_next(self.items, self.scan_state, self.role)
        if waiting is not None:
            msg = f"'{waiting.key}' is not decided yet. Accept or remove it first."
            raise InputError(msg)
        return self._write("done")

    def outline_of(self, item: Item) -> Outline:
        """Give a candidate's outline: the drawn one where there is one, else the model's."""
        name = self.scan_state.outlines.get(item.key)
        scan = self._shown
        return load_outline(self.folder, name, scan.grid) if name else scan.outline_of(item)

    @property
    def _shown(self) -> ScanCandidates:
        if self.scan is None:
            msg = "No scan is shown. Begin or resume the review first."
            raise InputError(msg)
        return self.scan

    @property
    def _chosen(self) -> Item:
        if self.current is None:
            msg = "No candidate is chosen. Choose one in the list."
            raise InputError(msg)
        return self.current

    def check_allowed(self, kind: str) -> None:
        """Refuse before anything is written what the role does not allow.

        Args:
            kind: Of the entry that would be written.

        Raises:
            InputError: If the reader's role does not allow it.
        """
        Entry(kind=kind, who=self.who, role=self.role)

    def _decide(self, kind: str, item: Item, *, outline: str = "") -> Entry:
        return self._write(
            kind,
            organ=item.organ,
            candidate=item.key,
            score=item.score if item.index else None,
            threshold=self.basis.thresholds.get(item.organ),
            outline=outline,
        )

    def _write(self, kind: str, **more: object) -> Entry:
        """Write a line with the seconds since the last one; it counts once this returns."""
        seconds, idle = self.watch.take()
        values = {"scan": self.scan.name if self.scan else "", "role": self.role, **more}
        entry = Entry(
            kind=kind,
            who=self.who,
            model_id=self.basis.model_id if kind in DECISIONS else "",
            seconds=seconds,
            idle_seconds=idle,
            **values,  # type: ignore[arg-type]
        )
        written = self._log.append(entry)
        self._state = fold(self._log.entries)
        return written
