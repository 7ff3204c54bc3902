"""Lesions and findings as a table node, which is saved and loaded with the scene."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from atlastumor.organs import find_organ

from .Mrml import ScanGeometry
from .Results import Finding, LesionRow, Result
from .Segments import placeInStudy

__all__ = ["TableRow", "findTable", "readFindings", "readRows", "readTarget", "updateTable"]

_FINDINGS = "AtlasTumor.Findings"
_PROVENANCE = "AtlasTumor.Provenance"
_SEGMENTATION = "AtlasTumor.Segmentation"
_TEXTS = ("organ", "side", "segment")
_NUMBERS = ("lesion", "volume_ml", "diameter_mm", "score", "r", "a", "s")


@dataclass(frozen=True)
class TableRow:
    """One line of the lesion table.

    Args:
        lesion: The measurements; `ras` is in the segmentation's own coordinates, mm.
        segmentId: Its segment.
    """

    lesion: LesionRow
    segmentId: str


def updateTable(
    result: Result,
    geometry: ScanGeometry,
    segmentationNode: "slicer.vtkMRMLSegmentationNode",
    segmentIds: Sequence[str],
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
) -> "slicer.vtkMRMLTableNode":
    """Write a result into the table of its segmentation, made where there is none yet.

    Args:
        result: Lesions, findings and provenance.
        geometry: Brings the lesions' points into the segmentation's own coordinates.
        segmentationNode: Where the segments are.
        segmentIds: One for each lesion.
        volumeNode: The scan, whose study the table is placed in.

    Returns:
        The table.
    """
    node = findTable(segmentationNode) or _makeTable(segmentationNode, volumeNode)
    with slicer.util.NodeModify(node):
        node.RemoveAllColumns()
        columns = _columns(result, geometry, segmentIds)
        for name in (*_TEXTS, *_NUMBERS):
            array = vtk.vtkStringArray() if name in _TEXTS else vtk.vtkDoubleArray()
            array.SetName(name)
            for value in columns[name]:
                array.InsertNextValue(value)
            node.AddColumn(array)
        findings = [[finding.organ, finding.message] for finding in result.findings]
        node.SetAttribute(_FINDINGS, json.dumps(findings))
        node.SetAttribute(_PROVENANCE, json.dumps(result.provenance))
    return node


def findTable(
    segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
) -> "slicer.vtkMRMLTableNode | None":
    """Find the lesion table that belongs to a segmentation."""
    if segmentationNode is None:
        return None
    for node in slicer.util.getNodesByClass("vtkMRMLTableNode"):
        if node.GetNodeReference(_SEGMENTATION) is segmentationNode:
            return node
    return None


def readTarget(
    tableNode: "slicer.vtkMRMLTableNode | None",
) -> "slicer.vtkMRMLSegmentationNode | None":
    """Find the segmentation that a table belongs to."""
    return tableNode.GetNodeReference(_SEGMENTATION) if tableNode is not None else None


def readRows(tableNode: "slicer.vtkMRMLTableNode | None") -> list[TableRow]:
    """Read the lesions of a table; none from None."""
    if tableNode is None:
        return []
    table = tableNode.GetTable()
    if not all(table.GetColumnByName(name) for name in (*_TEXTS, *_NUMBERS)):
        return []  # not written yet, or somebody took columns away
    rows = []
    for index in range(tableNode.GetNumberOfRows()):
        row = {name: table.GetValueByName(index, name).ToString() for name in (*_TEXTS, *_NUMBERS)}
        rows.append(TableRow(_lesionFrom(row), row["segment"]))
    return rows


def readFindings(tableNode: "slicer.vtkMRMLTableNode | None") -> list[Finding]:
    """Read what was said about each organ; nothing from None."""
    text = tableNode.GetAttribute(_FINDINGS) if tableNode is not None else None
    return [Finding(organ, message) for organ, message in json.loads(text or "[]")]


def _makeTable(
    segmentationNode: "slicer.vtkMRMLSegmentationNode",
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
) -> "slicer.vtkMRMLTableNode":
    scene = segmentationNode.GetScene()
    name = _("{segmentation} table").format(segmentation=segmentationNode.GetName())
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(name))
    node.SetNodeReferenceID(_SEGMENTATION, segmentationNode.GetID())
    node.SetLocked(True)  # measured, and not to be typed over
    placeInStudy(node, volumeNode)
    return node


def _columns(
    result: Result, geometry: ScanGeometry, segmentIds: Sequence[str]
) -> dict[str, list[Any]]:
    """Column values by name."""
    columns: dict[str, list[Any]] = {name: [] for name in (*_TEXTS, *_NUMBERS)}
    for lesion, segmentId in zip(result.lesions, segmentIds, strict=True):
        row = (
            lesion.organ,
            lesion.side,
            segmentId,
            float(lesion.index),
            lesion.volumeMl,
            lesion.diameterMm,
            lesion.score,
            *geometry.toLocal(lesion.ras),
        )
        for name, value in zip((*_TEXTS, *_NUMBERS), row, strict=True):
            columns[name].append(value)
    return columns


def _lesionFrom(row: dict[str, str]) -> LesionRow:
    number = {name: float(row[name]) if row[name] else math.nan for name in _NUMBERS}
    return LesionRow(
        organ=find_organ(row["organ"]).key,
        index=int(number["lesion"]),
        volumeMl=number["volume_ml"],
        diameterMm=number["diameter_mm"],
        score=number["score"],
        side=row["side"],
        ras=(number["r"], number["a"], number["s"]),
    )
