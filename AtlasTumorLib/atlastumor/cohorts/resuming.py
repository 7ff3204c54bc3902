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
    wanted = {case.id: case for case in found}
    known: set[str] = set()
    fresh: list[CohortCase] = []
    gone: list[str] = []
    again: list[str] = []
    unsure: list[CaseRow] = []
    for row in journal.rows():
        case = wanted.get(row.case.id)
        known.add(row.case.id)
        if case is None and row.state in (State.WAITING, State.RUNNING):
            gone.append(row.case.id)
        elif case is not None and case != row.case:
            fresh.append(case)
        elif row.state is State.DONE:
            is_there = (folder.result_of(row.case.id) / MANIFEST).exists()
            again += [] if is_there else [row.case.id]
        elif row.state is not State.QUARANTINED:
            unsure.append(row)
        elif case is not None and row.kind == GONE:
            again.append(row.case.id)
    fresh += [case for case in wanted.values() if case.id not in known]
    journal.add(fresh)
    for case_id in gone:
        journal.fail(case_id, _SAID_OF_GONE, GONE, is_final=True)
    journal.put_back([*again, *(row.case.id for row in unsure if row.state is State.RUNNING)])
    _adopt([*(row.case for row in unsure), *fresh], folder, journal)


def _adopt(cases: Iterable[CohortCase], folder: CohortFolder, journal: Journal) -> None:
    """Mark cases as done by the results in their places; delete what is not whole and theirs."""
    lying = {path.name for path in folder.cases.iterdir()}
    settings = journal.settings.fingerprint()
    for case in cases:
        if case.id not in lying:
            continue
        try:
            outcome = verify_result(folder.result_of(case.id))
        except InputError as error:
            _log.debug("%s", error)
            outcome = None
        own = (case.id, case.size_bytes, case.modified_ns, settings)
        if outcome is not None and own == (
            outcome.case_id,
            outcome.size_bytes,
            outcome.modified_ns,
            outcome.settings,
        ):
            journal.finish(outcome)
        else:
            folder.discard(case.id)
