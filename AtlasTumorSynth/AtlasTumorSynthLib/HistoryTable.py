"""The history of a synthetic scan as a table node, which is saved and loaded with the scene."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import slicer
import vtk

from atlastumor.organs import find_organ

__all__ = ["KEPT", "PREVIEW", "Row", "readRows", "writeRows"]

KEPT, PREVIEW = "kept", "preview"


@dataclass(frozen=True)
class Row:
    """One tumor.

    Args:
        number: From 1 on.
        state: `KEPT` or `PREVIEW`.
        organ: The organ's key.
        method: The method's key.
        shape: The key of its kind of shape.
        segment: Id of its segment.
        asked_mm: Diameter asked for, mm.
        diameter_mm: Diameter that it has.
        contrast_hu: Density relative to its organ, HU.
        seed: What its randomness followed from.
        quality: Share of it that the model finds again; NaN if nobody asked.
        r: Its center, mm, in the volume's own coordinates; likewise a and s.
        a: Anterior.
        s: Superior.
    """

    number: int
    state: str
    organ: str
    method: str
    shape: str
    segment: str
    asked_mm: float
    diameter_mm: float
    contrast_hu: float
    seed: int
    quality: float
    r: float
    a: float
    s: float


_KINDS = {field.name: field.type for field in fields(Row)}
_ARRAYS = {int: vtk.vtkIntArray, float: vtk.vtkDoubleArray, str: vtk.vtkStringArray}


def writeRows(tableNode: "slicer.vtkMRMLTableNode", rows: Sequence[Row]) -> None:
    """Replace the content of a table.

    Args:
        tableNode: The table.
        rows: One for each tumor.
    """
    columns = zip(*map(astuple, rows), strict=True) if rows else [()] * len(_KINDS)
    with slicer.util.NodeModify(tableNode):
        tableNode.RemoveAllColumns()
        for (name, kind), values in zip(_KINDS.items(), columns, strict=True):
            array = _ARRAYS[kind]()
            array.SetName(name)
            for value in values:
                array.InsertNextValue(value)
            tableNode.AddColumn(array)


def readRows(tableNode: "slicer.vtkMRMLTableNode | None") -> list[Row]:
    """Read a table; nothing from None."""
    if tableNode is None or tableNode.GetNumberOfColumns() == 0:
        return []
    table = tableNode.GetTable()
    rows = []
    for index in range(tableNode.GetNumberOfRows()):
        texts = {name: table.GetValueByName(index, name).ToString() for name in _KINDS}
        row = Row(**{name: _convert(kind, texts[name]) for name, kind in _KINDS.items()})
        find_organ(row.organ)
        rows.append(row)
    return rows


def _convert(kind: type, text: str) -> "int | float | str":
    """A cell's value; tables are saved as text, in which NaN may be an empty cell."""
    if kind is str:
        return text
    value = float(text) if text else math.nan
    return int(value) if kind is int else value
