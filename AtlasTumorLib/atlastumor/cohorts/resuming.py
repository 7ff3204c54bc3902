"""A cohort taken up, for the first time or again: the journal brought in line with the folders."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..results.staging import MANIFEST
from .case import CohortCase
from .folder import CohortFolder
from .journal import JOURNAL, Journal
from .journal_file import is_begun
from .rows import CaseRow, State
from .settings import BatchSettings
from .verifying import verify_result

__all__ = ["GONE", "open_journal", "take_up"]

GONE = "Gone"
"""Kind of the failure of a case whose input is no longer found."""

_log = logging.getLogger(__name__)


@contextmanager
def open_journal(
    folder: CohortFolder, settings: BatchSettings, *, rebuild: bool = False
) -> Iterator[Journal]:
    """Open the journal of a cohort, or make one; the caller holds the folder's lock.

    Args:
        folder: Of the cohort.
        settings: What every case is done with.
        rebuild: Whether a journal that is there is put aside and made anew.

    Yields:
        The journal.

    Raises:
        InputError: If it is damaged, or the cohort was begun with other settings.
        OutputError: If it cannot be written to.
    """
    if rebuild:
        _put_aside(folder)
    is_new = rebuild or not is_begun(folder.journal)
    journal = Journal.create(folder.journal, settings) if is_new else Journal.open(folder.journal)
    with journal:
        differences = journal.settings.differences(settings)
        if differences:
            msg = (
                f"The batch in '{folder.directory}' was begun with other settings ("
                f"{'; '.join(differences)}). Go on with the same, or choose another folder."
            )
            raise InputError(msg)
        yield journal


def _put_aside(folder: CohortFolder) -> None:
    """Rename the journal, with what SQLite keeps beside it, to the first free number."""
    if not folder.journal.exists():
        return
    number = 1
    while folder.directory.joinpath(f"earlier-{number}.{JOURNAL}").exists():
        number += 1
    for ending in ("-shm", "-wal", ""):
        path = folder.journal.with_name(JOURNAL + ending)
        if path.exists():
            path.rename(path.with_name(f"earlier-{number}.{path.name}"))


def take_up(journal: Journal, folder: CohortFolder, found: Iterable[CohortCase]) -> None:
    """Bring a journal in line with what was found and with what lies in the folder.

    New cases are added, changed ones begun again, those that are gone quarantined. A result that
    lies in its place though its case is not done (its runner was killed between the two, or the
    journal is new) is kept if it is whole and was made from the same input in the same way. No
    case is running afterwards.

    Args:
        journal: Open for writing.
        folder: Of the cohort, locked.
        found: All cases of the inputs.

    Raises:
        OutputError: If something cannot be written.
    """
    known = {row.case.id: row for row in journal.rows()}
    wanted = {case.id: case for case in found}
    fresh = [case for case in wanted.values() if _is_other(known.get(case.id), case)]
    for case in fresh:
        if case.id in known:
            _log.info("An input has changed; its case is segmented again.")
    journal.add(fresh)
    _mark_gone(journal, known, wanted)
    again = []
    for case_id in {**known, **wanted}:
        row = journal.find(case_id)
        if row is not None and _needs_work(row, folder, journal):
            again.append(case_id)
    journal.put_back(again)


def _is_other(row: CaseRow | None, case: CohortCase) -> bool:
    """Whether a case is new, or its input is not what it was."""
    if row is None:
        return True
    old = row.case
    return (old.size_bytes, old.modified_ns, old.series, old.path) != (
        case.size_bytes,
        case.modified_ns,
        case.series,
        case.path,
    )


def _mark_gone(journal: Journal, known: dict[str, CaseRow], wanted: dict[str, CohortCase]) -> None:
    """Quarantine unfinished cases that were not found again; have those wait that are back."""
    for case_id, row in known.items():
        if case_id not in wanted and row.state in (State.WAITING, State.RUNNING):
            reason = "It is no longer among the inputs. Bring it back, or name its folder again."
            journal.fail(case_id, reason, GONE, is_final=True)
        elif case_id in wanted and row.kind == GONE and row.state is State.QUARANTINED:
            journal.put_back([case_id])


def _needs_work(row: CaseRow, folder: CohortFolder, journal: Journal) -> bool:
    """Whether a case has to wait though the journal says otherwise; adopts or discards results."""
    place = folder.result_of(row.case.id)
    if row.state is State.DONE:
        return not (place / MANIFEST).is_file()
    if row.state is State.QUARANTINED or not place.exists():
        return row.state is State.RUNNING
    if _adopt(row, place, journal):
        return False
    folder.discard(row.case.id)
    return row.state is State.RUNNING


def _adopt(row: CaseRow, place: Path, journal: Journal) -> bool:
    """Mark a case as done by the result in its place, if that is whole and its own."""
    try:
        outcome = verify_result(place)
    except InputError as error:
        _log.debug("%s", error)
        return False
    own = (row.case.id, row.case.size_bytes, row.case.modified_ns, journal.settings.fingerprint())
    made = (outcome.case_id, outcome.size_bytes, outcome.modified_ns, outcome.settings)
    if own != made:
        return False
    journal.finish(outcome, row.worker)
    return True
