"""Cohorts as `atlastumor batch` leaves them, made without an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from atlastumor.cohorts.case import CohortCase
from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.journal import Journal
from atlastumor.cohorts.outcome import CaseOutcome, save_outcome
from atlastumor.cohorts.settings import BatchSettings
from atlastumor.results.write import write_results
from Backend.results.examples import FakeProbability, make_scan, make_segmentation

TOKEN = "ab" * 8


def make_cohort(directory: Path, case_ids: Iterable[str], **options: object) -> Path:
    """A cohort whose every case is done; options are of `write_results`."""
    folder = CohortFolder(directory)
    folder.cases.mkdir(parents=True)
    with Journal.create(folder.journal, BatchSettings()) as journal:
        home = directory.parent
        cases = [CohortCase(one, home / f"{one}.nii.gz", None, 5, 7) for one in case_ids]
        journal.add(cases)
        for case in cases:
            journal.start(case.id, TOKEN)
            journal.finish(_write_case(folder, case, **options), "worker 1")
    return directory


def quarantine(directory: Path, case_id: str, reason: str, kind: str = "InputError") -> None:
    """Add a case that failed."""
    with Journal.open(CohortFolder(directory).journal) as journal:
        journal.add([CohortCase(case_id, directory / case_id)])
        journal.start(case_id, TOKEN)
        journal.fail(case_id, reason, kind, is_final=True)


def _write_case(folder: CohortFolder, case: CohortCase, **options: object) -> CaseOutcome:
    scan = make_scan()
    segmentation = make_segmentation(scan)
    if options.pop("probabilities", False):
        segmentation = replace(segmentation, probabilities={"liver": FakeProbability()})
    place = folder.result_of(case.id)
    write_results(segmentation, scan, place, **{"report": False, **options})
    seconds = {"read": 0.5, "wait": 0.25, "engine": 2.0, "write": 0.125}
    outcome = CaseOutcome(case.id, TOKEN, "", 5, 7, seconds, 2_000_000_000, None, "CPU, 2 cores")
    save_outcome(place, outcome)
    return outcome


def names_of(directory: Path) -> Iterator[str]:
    """Everything in a folder."""
    return (str(path.relative_to(directory)) for path in sorted(directory.rglob("*")))
