"""A cohort taken up, for the first time or again: the journal brought in line with the folders."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..errors import InputError
from ..results.staging import MANIFEST
from .case import CohortCase
from .folder import CohortFolder
from .journal import JOURNAL, Journal
from .journal_file import is_begun
from .outcome import CaseOutcome, read_outcome
from .rows import CaseRow, State
from .settings import BatchSettings
from .verifying import verify_result

__all__ = ["GONE", "open_journal", "take_up"]

GONE = "Gone"
"""Kind of the failure of a case whose input is no longer found."""

_SAID_OF_GONE = "It is no longer among the inputs. Bring it back, or name its folder again."
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


def take_up(journal: Journal, folder: CohortFolder, found: Iterable[CohortCase]) -> tuple[str, ...]:
    """Bring a journal in line with what was found and with what lies in the folder.

    New cases are added, changed ones begun again, those that are gone quarantined. A result that
    lies in its place though its case is not done (its runner was killed between the two, or the
    journal is new) counts if it is whole and was made from the same input in the same way. One
    that was made from an earlier version of the input lies there until there is a new one. No case
    is running afterwards.

    Args:
        journal: Open for writing.
        folder: Of the cohort, locked.
        found: All cases of the inputs.

    Returns:
        Ids of the cases that were done and are begun again, as their input has changed.

    Raises:
        OutputError: If something cannot be written.
    """
    wanted = {case.id: case for case in found}
    known: set[str] = set()
    fresh: list[CohortCase] = []
    gone: list[str] = []
    again: list[str] = []
    unsure: list[CaseRow] = []
    changed: list[str] = []
    for row in journal.rows():
        case = wanted.get(row.case.id)
        known.add(row.case.id)
        if case is None and row.state in (State.WAITING, State.RUNNING):
            gone.append(row.case.id)
        elif case is not None and case != row.case:
            fresh.append(case)
            is_other = _version_of(case) != _version_of(row.case)
            changed += [case.id] if is_other and row.state is State.DONE else []
        elif row.state is State.DONE:
            is_there = (folder.result_of(row.case.id) / MANIFEST).exists()
            again += [] if is_there else [row.case.id]
        elif row.state is not State.QUARANTINED:
            unsure.append(row)
        elif case is not None and row.kind == GONE:  # it did not fail, and may have a result
            fresh.append(case)
    fresh += [case for case in wanted.values() if case.id not in known]
    journal.add(fresh)
    for case_id in gone:
        journal.fail(case_id, _SAID_OF_GONE, GONE, is_final=True)
    journal.put_back([*again, *(row.case.id for row in unsure if row.state is State.RUNNING)])
    _adopt([*(row.case for row in unsure), *fresh], folder, journal)
    return tuple(changed)


def _version_of(one: CohortCase | CaseOutcome) -> tuple[int, int]:
    """Size and time of an input, by which it is known to have changed."""
    return one.size_bytes, one.modified_ns


def _adopt(cases: Iterable[CohortCase], folder: CohortFolder, journal: Journal) -> None:
    """Mark cases as done by the results in their places; delete what is not whole and theirs."""
    lying = {path.name for path in folder.cases.iterdir()}
    settings = journal.settings.fingerprint()
    for case in cases:
        if case.id not in lying:
            continue
        try:
            outcome, is_same = _judge(folder, case)
        except InputError as error:
            _log.debug("%s", error)
            folder.discard(case.id)
            continue
        if (outcome.case_id, outcome.settings) != (case.id, settings):
            folder.discard(case.id)
        elif is_same:
            journal.finish(outcome)


def _judge(folder: CohortFolder, case: CohortCase) -> tuple[CaseOutcome, bool]:
    """Verify what lies in a case's place, and tell whether it was made from the input as it is.

    Raises:
        InputError: If it is not whole.
    """
    place = folder.result_of(case.id)
    is_same = _version_of(read_outcome(place)[0]) == _version_of(case)
    return verify_result(place, thorough=is_same), is_same
