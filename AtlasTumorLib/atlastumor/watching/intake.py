"""What has arrived, looked through: which cases it makes that are not in the journal yet."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..batch.cases import Problem
from ..cohorts import CohortCase
from ..cohorts.finding import find_cohort
from ..cohorts.finding.ids import hash_text, make_safe
from ..cohorts.journal import JOURNAL, Journal
from ..cohorts.rows import CaseRow, State
from ..errors import AtlasTumorError, InputError
from ..progress import CancelToken, ignore_progress
from ..results.staging import MANIFEST
from ..scans.dicom_headers import count_images, read_headers
from ..scans.input_files import is_dicom, name_of
from .folder import take_signature
from .records import Records

__all__ = ["Intake", "Taken"]

_LONGEST_S = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """What an arrival holds.

    Args:
        path: The file or folder.
        cases: To be segmented: new ones, and those whose files are others than before.
        n_known: Number of cases that were segmented already, or wait for it.
        problems: What in it cannot be used, and why.
        fingerprint: Of its files as they are now.
        ids: Of all its cases.
    """

    path: Path
    cases: tuple[CohortCase, ...] = ()
    n_known: int = 0
    problems: tuple[Problem, ...] = ()
    fingerprint: str = ""
    ids: tuple[str, ...] = ()


class Intake:
    """Looks through arrivals; reads the journal and never writes to it, so that any thread may.

    Args:
        output: The service's folder, with its journal.
        records: Where copies are remembered.
        series: Which DICOM series of a study: "best", "all", or a UID or its beginning.
    """

    def __init__(self, output: Path, records: Records, *, series: str) -> None:
        """Keep what is needed."""
        self._output = output
        self._records = records
        self._series = series
        self.cancel = CancelToken()

    def take_some(self, paths: Sequence[Path]) -> list[Taken]:
        """Look through arrivals up to the first that makes new cases, but not for long.

        Args:
            paths: Files and folders; complete.

        Returns:
            One entry for each that was looked through, in order; at least one. What makes no case
            at all is a problem.
        """
        ends_s = time.monotonic() + _LONGEST_S
        taken: list[Taken] = []
        with Journal.read(self._output / JOURNAL) as journal:
            for path in paths:
                taken.append(self._take_safely(path, journal))
                if taken[-1].cases or time.monotonic() > ends_s:
                    break
        return taken

    def _take_safely(self, path: Path, journal: Journal) -> Taken:
        """Look through an arrival; whatever is wrong with it is a problem of its own."""
        try:
            return self._take(path, journal)
        except (AtlasTumorError, OSError) as error:
            return Taken(path, problems=(Problem(path.name, str(error)),))
        except Exception as error:  # noqa: BLE001 - no arrival is to end the service
            _log.debug("An arrival could not be looked through", exc_info=True)
            msg = f"It cannot be looked through ({type(error).__name__}). This is a bug."
            return Taken(path, problems=(Problem(path.name, msg),))

    def _take(self, path: Path, journal: Journal) -> Taken:
        _refuse_single_slice(path)
        text = json.dumps([self._series, take_signature(path)[0]])
        fingerprint = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        earlier = self._records.find_arrival(path, fingerprint)
        if earlier is not None and all(map(journal.find, earlier)):
            return Taken(path, n_known=len(earlier), ids=tuple(earlier))
        found = find_cohort([path], series=self._series, cancel=self.cancel)
        named = [self._name(one, journal) for one in found.cases]
        wanted = [one for one in named if not self._is_known(one, journal.find(one.id))]
        problems = found.problems
        if not found.cases and not problems:
            problems = (Problem(path.name, "It holds no CT. Give CT scans."),)
        ids = tuple(one.id for one in named)
        n_known = len(named) - len(wanted)
        return Taken(path, tuple(wanted), n_known, problems, fingerprint, ids)

    def _name(self, case: CohortCase, journal: Journal) -> CohortCase:
        """Give a case another name if another file has its name; DICOM is named by its UID."""
        row = journal.find(case.id)
        if case.series is not None or row is None or row.case.path == case.path:
            return case
        return replace(case, id=make_safe(f"{case.id}-{hash_text(str(case.path))}"))

    def _is_known(self, case: CohortCase, row: CaseRow | None) -> bool:
        """Whether there is nothing to do for a case."""
        if row is None:
            return False
        same_size = row.case.size_bytes == case.size_bytes
        if same_size and row.case.modified_ns == case.modified_ns:
            return True
        if not same_size or row.state is not State.DONE:
            return False
        if not self._records.knows_copy(case):
            if self._hash_of_result(case) != _hash_of_scan(case):
                return False
            self._records.keep_copy(case)
        return True

    def _hash_of_result(self, case: CohortCase) -> str:
        """Hash of the scan that a result was made from; empty if it does not say so."""
        try:
            text = (self._output / "cases" / case.id / MANIFEST).read_text(encoding="utf-8")
            return str(json.loads(text)["provenance"]["input_sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def _refuse_single_slice(path: Path) -> None:
    """Refuse a slice that does not lie in a folder with the others, as nobody knows when all came.

    Raises:
        InputError: If it is one.
    """
    if path.is_dir() or not is_dicom(path):
        return
    if all(count_images(header) <= 1 for header in read_headers([path], ignore_progress)):
        msg = (
            f"{name_of(path)} is a single DICOM image. Put all images of a study into one folder, "
            "and that into the watched one."
        )
        raise InputError(msg)


def _hash_of_scan(case: CohortCase) -> str:
    """Hash of a scan as its reader takes it; of one that cannot be read, none."""
    from ..scans import read_scan

    try:
        return read_scan(case.path, series=case.series).source.sha256
    except AtlasTumorError:
        return "unreadable"
