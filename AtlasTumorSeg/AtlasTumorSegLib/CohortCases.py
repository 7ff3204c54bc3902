"""The cases of a cohort: what the worker tells of them, what people read, what is in the scene."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from atlastumor.organs import find_organ
from AtlasTumorSlicer.Fingerprints import findUntouched

__all__ = [
    "DONE",
    "FAILED",
    "LEFT_OUT",
    "RUNNING",
    "WAITING",
    "CaseRow",
    "CohortResult",
    "ShownCase",
    "countLesions",
    "readCase",
]

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "quarantined"
LEFT_OUT = "left out"


@dataclass(frozen=True)
class CaseRow:
    """How one case of a cohort stands.

    Args:
        id: Names it, and its folder among the results.
        state: `WAITING`, `RUNNING`, `DONE`, `FAILED` or, of a series, `LEFT_OUT`.
        path: Of the scan; empty if it was not told.
        series: DICOM series UID, where the path holds several.
        seconds: That it took; None if it has not ended.
        lesions: Their number by organ key; organs without one are absent.
        reason: Why there is no result, or why its series was chosen.
    """

    id: str
    state: str
    path: str = ""
    series: str = ""
    seconds: float | None = None
    lesions: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""

    @property
    def stateText(self) -> str:
        """The state as people read it."""
        texts = {
            WAITING: _("waiting"),
            RUNNING: _("running"),
            DONE: _("done"),
            FAILED: _("failed"),
            LEFT_OUT: _("left out"),
        }
        return texts.get(self.state, self.state)

    @property
    def text(self) -> str:
        """What was found, or why nothing was."""
        if self.state != DONE:
            return self.reason
        found = [f"{_(find_organ(key).name)} {n}" for key, n in self.lesions.items() if n]
        return ", ".join(found) or _("no tumor")


@dataclass(frozen=True, eq=False)
class ShownCase:
    """The nodes of a case.

    Args:
        id: The case.
        folder: Of its results.
        volumeNode: The scan.
        segmentationNode: Its segments.
        tableNode: Its lesions and findings.
        isOwn: Whether the scan came into the scene with it, and goes with it.
    """

    id: str
    folder: Path
    volumeNode: "slicer.vtkMRMLScalarVolumeNode"
    segmentationNode: "slicer.vtkMRMLSegmentationNode"
    tableNode: "slicer.vtkMRMLTableNode"
    isOwn: bool = True

    @property
    def isThere(self) -> bool:
        """Whether all of it is in the scene still."""
        nodes = (self.volumeNode, self.segmentationNode, self.tableNode)
        return all(node.GetScene() is not None for node in nodes)

    @property
    def isUntouched(self) -> bool:
        """Whether its segments are as they were made, and no others were added."""
        ids = self.segmentationNode.GetSegmentation().GetSegmentIDs()
        return set(findUntouched(self.segmentationNode)) == set(ids)


@dataclass(frozen=True, eq=False)
class CohortResult:
    """How a cohort ended.

    Args:
        folder: With `cases`, tables and dashboard; None if it was a temporary one.
        counts: Number of cases by state: "done", "quarantined", "waiting", "running".
        failed: Why, by the id of each case that failed in this run.
        segmentationNodes: Beside each node that was given, in that order; None where there is no
            result. Empty if they were not asked for.
    """

    folder: Path | None
    counts: Mapping[str, int]
    failed: Mapping[str, str]
    segmentationNodes: tuple["slicer.vtkMRMLSegmentationNode | None", ...] = ()


def countLesions(results: Path) -> dict[str, int]:
    """Count the lesions in the folder of a case by organ key; none if they cannot be read."""
    try:
        with (results / "lesions.csv").open(encoding="utf-8", newline="") as file:
            return dict(Counter(find_organ(row["organ"]).key for row in csv.DictReader(file)))
    except (OSError, ValueError, KeyError):
        return {}


def readCase(fields: Mapping[str, Any]) -> CaseRow:
    """Read a case from an event "case", or from a row of a list of cases."""
    return CaseRow(
        id=str(fields["id"]),
        state=str(fields.get("state", WAITING)),
        path=str(fields.get("path") or ""),
        series=str(fields.get("series") or ""),
        seconds=fields.get("seconds"),
        lesions={find_organ(key).key: int(n) for key, n in (fields.get("lesions") or {}).items()},
        reason=str(fields.get("reason") or ""),
    )
