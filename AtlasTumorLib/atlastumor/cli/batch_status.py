"""Where a cohort stands, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..cohorts.folder import CohortFolder
from ..cohorts.journal import Journal
from ..cohorts.rows import CaseRow, State
from ..cohorts.verifying import verify_result
from ..errors import AtlasTumorError, InputError
from .console import Console, say_seconds

__all__ = ["show_status"]


def show_status(directory: Path, console: Console, *, is_thorough: bool) -> None:
    """Say where a cohort stands; nothing is written.

    Args:
        directory: Its folder.
        console: Where to say it.
        is_thorough: Whether every byte of every result is read and compared.

    Raises:
        InputError: If it is no cohort's folder, or its journal is damaged.
        AtlasTumorError: If a result is not whole.
    """
    folder = CohortFolder(directory)
    with Journal.read(folder.journal) as journal:
        counts, failed = journal.count(), list(journal.rows(State.QUARANTINED))
        told = [{"case": one.case, "message": one.message} for one in journal.problems()]
        left = journal.seconds_left()
        wrong = _verify(folder, journal, console) if is_thorough else []
    is_running = folder.is_at_work()
    if console.as_json:
        console.document(
            {
                "directory": str(folder.directory),
                "counts": {str(state): n for state, n in counts.items()},
                "is_running": is_running,
                "seconds_left": left,
                "failed": [_describe(row) for row in failed],
                "problems": told,
                "not_whole": wrong,
            }
        )
    else:
        _say_counts(counts, left if is_running else None, console, is_running=is_running)
        console.table([_describe(row) for row in failed])
        for one in told:
            console.say(f"{one['case']}: {one['message']}")
    if wrong:
        msg = f"{len(wrong)} results are not whole. The first: {wrong[0]}"
        raise AtlasTumorError(msg)


def _say_counts(
    counts: dict[State, int], left: float | None, console: Console, *, is_running: bool
) -> None:
    said = ", ".join(f"{n} {state}" for state, n in counts.items())
    console.say(f"Cases: {sum(counts.values())}: {said}.")
    if is_running:
        time_left = "unknown" if left is None else f"about {say_seconds(left)}"
        console.say(f"A runner is at work. Time left: {time_left}.")
    elif counts[State.WAITING] + counts[State.RUNNING]:
        console.say("No runner is at work. The same `atlastumor batch` or `watch` goes on with it.")


def _describe(row: CaseRow) -> dict[str, Any]:
    return {"case": row.case.id, "kind": row.kind, "reason": row.reason}


def _verify(folder: CohortFolder, journal: Journal, console: Console) -> list[str]:
    """What is wrong with which result."""
    wrong = []
    n_done = journal.count()[State.DONE]
    for number, row in enumerate(journal.rows(State.DONE)):
        console.progress(number / n_done, "Verifying results")
        try:
            verify_result(folder.result_of(row.case.id))
        except InputError as error:
            wrong.append(str(error))
    return wrong
