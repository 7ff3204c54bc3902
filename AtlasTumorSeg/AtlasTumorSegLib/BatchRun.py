"""One `batch` command of the worker: what it tells of each case, while it tells it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from atlastumor.errors import Cancelled
from AtlasTumorSlicer.RunControls import timeText
from AtlasTumorSlicer.Signal import Signal
from AtlasTumorSlicer.WorkerRun import WorkerRun

from .CohortCases import (
    DONE,
    FAILED,
    LEFT_OUT,
    WAITING,
    CaseRow,
    CohortResult,
    ShownCase,
    countLesions,
    readCase,
)

__all__ = ["BatchRun"]


class BatchRun(WorkerRun):
    """A command about a folder of results; its result says how the cases stand.

    It reads files and writes files: a scene that closes does not stop it.

    Args:
        worker: As for `WorkerRun`.
        words: What follows "batch", such as `["status", "results", "--cases"]`.
        folder: The folder of results; None if it is a temporary one.

    Attributes:
        caseTold: Emits each case that is told of, as a `CaseRow`.
        cases: The last that was told of each case, by its id.
        notes: What else was said, such as why a file is no scan.
        folder: The folder of results.
        shown: What of it is in the scene, by the id of the case.
    """

    folderPrefix = "AtlasTumorSeg-cohort-"

    def __init__(self, worker: Sequence[str], words: Sequence[str], folder: Path | None) -> None:
        """Do nothing yet; `start` does."""
        super().__init__(worker)
        self.caseTold = Signal()
        self.cases: dict[str, CaseRow] = {}
        self.notes: list[str] = []
        self.shown: dict[str, ShownCase] = {}
        self.folder = folder
        self._words = tuple(words)
        self._rules: dict[str, str] = {}
        self.told.connect(self._onTold)

    def prepare(self, _folder: Path) -> Sequence[str]:
        """Name what is to be done."""
        return ["batch", *self._words, "--json-progress"]

    @property
    def files(self) -> list[Path]:
        """What the worker says that it wrote."""
        said = self._job.said if self._job is not None else None
        return [Path(name) for name in (said or {}).get("files", ())]

    def takeIn(self, _folder: Path) -> CohortResult:
        """Sum up."""
        return self.sumUp()

    def sumUp(self, nodes: Sequence[Any] = ()) -> CohortResult:
        """Sum up; the worker's own counts are of the whole cohort.

        Args:
            nodes: Segmentations that were brought into the scene.
        """
        rows = self.cases.values()
        told = Counter(row.state for row in rows)
        failed = {row.id: row.reason for row in rows if row.state == FAILED}
        said = self._job.said
        self.notes += _foreseen(said.get("data", {}))
        counts = Counter(said.get("counts", told))
        return CohortResult(self.folder, counts, failed, tuple(nodes))

    def stands(self, event: Mapping[str, Any], error: Exception) -> bool:
        """Whether the cohort went to its end: the error after it says that some cases failed."""
        return "counts" in event and not isinstance(error, Cancelled)

    def place(self) -> Path | None:
        """The folder of results while the command runs."""
        return self.folder

    def _onTold(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "case":
            self._take(readCase(event))
        elif kind == "table":
            for row in event["rows"]:
                self._takeListed(row)
        elif kind == "note":
            self.notes.append(event["message"])

    def _takeListed(self, row: Mapping[str, Any]) -> None:
        """Take down a case that was found, or a series and why it is taken or left out."""
        if "rule" not in row:
            reason = self._rules.get(row["case"], "")
            self._take(CaseRow(row["case"], WAITING, path=row["path"], reason=reason))
        elif row["taken"] == "yes":
            self._rules[row["case"]] = row["rule"]
        else:
            self._take(CaseRow(row["series"], LEFT_OUT, reason=row["rule"]))

    def _take(self, case: CaseRow) -> None:
        """Take down a case; what an earlier telling knew of its scan stays known."""
        old = self.cases.get(case.id)
        if old is not None and not case.path:
            case = replace(case, path=old.path, series=old.series)
        place = self.place()
        if case.state == DONE and not case.lesions and place is not None:
            case = replace(case, lesions=countLesions(place / "cases" / case.id))
        self.cases[case.id] = case
        self.caseTold.emit(case)


def _foreseen(data: Mapping[str, Any]) -> list[str]:
    """What a list of cases says of the time that they will take."""
    hours = data.get("hours")
    if hours is None:
        return []
    text = _("It will take {time} with {workers} workers and {memory} GB of memory.")
    time = timeText(3600.0 * hours) if hours else _("less than a minute")
    return [text.format(time=time, workers=data["workers"], memory=data["gigabytes"])]
