"""Many scans, segmented by the worker one after another: files, and nodes of the scene."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from atlastumor.errors import AtlasTumorError, InputError
from AtlasTumorSlicer.Mrml import ScanGeometry, checkScan, checkUnchanged, writeScan
from AtlasTumorSlicer.Results import readResult
from AtlasTumorSlicer.Segments import importSegments
from AtlasTumorSlicer.Tables import updateTable

from .BatchRun import BatchRun
from .CohortCases import DONE, CohortResult, ShownCase

__all__ = ["CohortRun", "splitInputs"]

_LONGEST = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|probabilities|segmentations)", re.IGNORECASE)
"""Devices of Windows, and folders within a case."""


class CohortRun(BatchRun):
    """A cohort; its result is a `CohortResult`.

    Args:
        worker: As for `WorkerRun`.
        inputs: Paths, and volume nodes, which are written to a temporary folder first. With nodes
            among them the run ends with their scene.
        folder: For the results; None takes a temporary one, for nodes alone.
        options: Words for the worker's `batch` command.
        operatingPoint: Content of an operating-point file; empty for none.
        loadResults: Bring the results of nodes back as segmentations beside them.
    """

    def __init__(
        self,
        worker: Sequence[str],
        inputs: Sequence[Any],
        folder: "str | Path | None",
        *,
        options: Sequence[str],
        operatingPoint: str = "",
        loadResults: bool = False,
    ) -> None:
        """Check the inputs; `start` writes nodes and starts the worker."""
        folder = Path(folder).expanduser().absolute() if folder else None
        super().__init__(worker, options, folder)
        self._paths, self._nodes = splitInputs(inputs)
        _checkChoices(self._paths, self._nodes, folder, loadResults=loadResults)
        self._scene = self._nodes[0].GetScene() if self._nodes else None
        self._operatingPoint, self._loadResults = operatingPoint, loadResults
        self._written: dict[str, tuple[Any, ScanGeometry]] = {}
        self._place: Path | None = folder

    def prepare(self, folder: Path) -> Sequence[str]:
        """Write nodes and operating point."""
        words = ["batch", *map(str, self._paths)]
        if self._nodes:
            words.append(str(self._writeNodes(folder)))
        self._place = self.folder or folder / "results"
        words += ["-o", str(self._place), *self._words, "--json-progress"]
        if self._operatingPoint:
            point = folder / "operating-points.json"
            point.write_text(self._operatingPoint, encoding="utf-8")
            words += ["--operating-point", str(point)]
        return words

    def takeIn(self, _folder: Path) -> CohortResult:
        """Sum up, and bring segmentations into the scene if they were asked for."""
        made = []
        if self._loadResults:
            results = self._place / "cases"
            made = [self._load(caseId, results / caseId) for caseId in self._written]
        return self.sumUp(made)

    def place(self) -> Path | None:
        """The folder of results, also a temporary one."""
        return self._place

    def _writeNodes(self, folder: Path) -> Path:
        """Write nodes, and a manifest that says what each is called."""
        manifest = folder / "manifest.csv"
        ids = _makeIds(self._nodes)
        with manifest.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "id"))
            for node, caseId in zip(self._nodes, ids, strict=True):
                path = folder / f"{caseId}.nrrd"
                self._written[caseId] = node, writeScan(node, path)
                writer.writerow((path.name, caseId))
        return manifest

    def _load(self, caseId: str, folder: Path) -> "slicer.vtkMRMLSegmentationNode | None":
        """Bring one result into the scene; a reason not to becomes a note."""
        case = self.cases.get(caseId)
        if case is None or case.state != DONE:
            return None
        node, geometry = self._written[caseId]
        try:
            checkUnchanged(node, geometry)
            result = readResult(folder, geometry.world)
            made, ids = importSegments(result, geometry, node)
            table = updateTable(result, geometry, made, ids, node)
        except AtlasTumorError as error:
            self.notes.append(f"{caseId}: {error}")
            return None
        self.shown[caseId] = ShownCase(caseId, folder, node, made, table, isOwn=False)
        return made


def splitInputs(inputs: Any) -> tuple[list[Path], list[Any]]:
    """Tell paths from volume nodes.

    Args:
        inputs: One or several.

    Returns:
        Absolute paths, which the worker looks for, and nodes that can be segmented.

    Raises:
        InputError: If there are none, or a node cannot be segmented.
    """
    isOne = isinstance(inputs, str | Path) or hasattr(inputs, "GetID")
    many = [inputs] if isOne else list(inputs)
    nodes = [one for one in many if one is None or hasattr(one, "GetID")]
    paths = [Path(one).expanduser().absolute() for one in many if not (one is None or one in nodes)]
    if not many:
        raise InputError(_("There is nothing to segment. Name files, folders or loaded scans."))
    for node in nodes:
        checkScan(node)
    return paths, nodes


def _checkChoices(
    paths: Sequence[Path], nodes: Sequence[Any], folder: Path | None, *, loadResults: bool
) -> None:
    """Refuse what would leave no result, or cannot be done."""
    if loadResults and not nodes:
        raise InputError(
            _(
                "Results are loaded beside scans that are in the scene, and none of these is. "
                "Leave out loadResults, or load the scans first."
            )
        )
    if folder is None and (paths or not loadResults):
        raise InputError(_("Name a folder for the results."))


def _makeIds(nodes: Sequence[Any]) -> list[str]:
    """Name nodes for files and folders of every system, no two of them alike.

    The worker keeps such names as they are.
    """
    ids: dict[str, str] = {}
    for node in nodes:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", node.GetName() or "")[:_LONGEST].strip("_-")
        if not name or _RESERVED.fullmatch(name):
            name = f"scan_{name}".strip("_")
        names = (name, *(f"{name}-{n}" for n in range(2, 2 + len(nodes))))
        free = next(one for one in names if one.casefold() not in ids)
        ids[free.casefold()] = free
    return list(ids.values())
