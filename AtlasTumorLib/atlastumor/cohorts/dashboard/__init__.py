"""`dashboard.html`: a cohort on one page, for people.

One file without scripts, with nothing fetched, for screens light and dark and for paper. Of
patients it holds the ids of cases alone, and small pictures of those with the largest findings.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from ... import __version__
from ...provenance import creation_time
from ...results.folder import speaking_of
from ...results.tables import NOTICE
from ..folder import CohortFolder
from ..journal import Journal
from ..records import read_records
from ..rows import State
from .numbers import Numbers, gather
from .page import PAGE
from .sections import (
    list_failures,
    list_largest,
    show_prevalence,
    show_running,
    show_sizes,
    show_states,
)

__all__ = ["DASHBOARD", "write_dashboard"]

DASHBOARD = "dashboard.html"


def write_dashboard(directory: Path) -> Path:
    """Write the page of a cohort, finished or not, into its folder.

    Args:
        directory: Folder of the cohort.

    Returns:
        The file; an earlier one is replaced.

    Raises:
        InputError: If it holds no cohort, or its journal is damaged.
        OutputError: If it cannot be written.
    """
    folder = CohortFolder(directory)
    numbers = gather(read_records(folder.directory))
    with Journal.read(folder.journal) as journal:
        problems = journal.problems()
    sections = (
        show_states(numbers),
        show_prevalence(numbers),
        show_sizes(numbers),
        list_largest(numbers, folder.cases),
        show_running(numbers),
        list_failures(numbers, problems),
    )
    text = PAGE.substitute(
        notice=escape(NOTICE),
        summary=escape(_summarize(numbers)),
        sections="\n".join(sections),
        created=escape(creation_time()),
        version=escape(__version__),
    )
    path = folder.directory / DASHBOARD
    part = path.with_name(f".{DASHBOARD}.part-{os.getpid()}")
    with speaking_of(path):
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path


def _summarize(numbers: Numbers) -> str:
    """The cohort in a sentence."""
    n_done = numbers.states[State.DONE]
    scans = "scan was" if n_done == 1 else "scans were"
    models = " and ".join(sorted(filter(None, numbers.models)))
    by = f" by {models}" if models else ""
    tumors = f"{numbers.n_lesions:,} {'tumor' if numbers.n_lesions == 1 else 'tumors'}"
    return f"{n_done:,} {scans} segmented{by}: {tumors} in {numbers.n_with_any:,} of them."
