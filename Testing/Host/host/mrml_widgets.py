"""Stand-ins of Slicer's other MRML widgets, after `Libs/MRML/Widgets` and `Modules/Loadable`."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import Shiboken

from host.ctk_containers import ctkMenuButton
from host.ctk_numbers import ctkDoubleSpinBox, ctkRangeWidget, ctkSliderWidget
from host.stand_in import Property, state, stored, with_setters

__all__ = [
    "qMRMLRangeWidget",
    "qMRMLSegmentationShow3DButton",
    "qMRMLSegmentsTableView",
    "qMRMLSliderWidget",
    "qMRMLSpinBox",
    "qMRMLWidget",
]

_SURFACE = "Closed surface"
_COLUMNS = ["Visibility", "Color", "Opacity", "Name"]


class _WithScene:
    """The scene of a widget and the signal that passes it on."""

    def mrmlScene(self) -> Any:
        """Give the scene."""
        return getattr(state(self), "scene", None)

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene and pass it on to the widgets inside."""
        if scene is not self.mrmlScene():
            state(self).scene = scene
            self.mrmlSceneChanged.emit(scene)


@with_setters
class qMRMLWidget(_WithScene, QWidget):
    """The outermost widget of a module's `.ui` file."""

    mrmlSceneChanged = Signal(object)
    host_signals: ClassVar = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}


@with_setters
class qMRMLSliderWidget(_WithScene, ctkSliderWidget):
    """A slider in the units of the scene (the host knows no units)."""

    mrmlSceneChanged = Signal(object)
    quantity = stored("quantity", str, "")


@with_setters
class qMRMLSpinBox(_WithScene, ctkDoubleSpinBox):
    """A spin box in the units of the scene (the host knows no units)."""

    mrmlSceneChanged = Signal(object)
    quantity = stored("quantity", str, "")


@with_setters
class qMRMLRangeWidget(_WithScene, ctkRangeWidget):
    """A range in the units of the scene (the host knows no units)."""

    mrmlSceneChanged = Signal(object)
    quantity = stored("quantity", str, "")


def _observe_node(widget: QWidget, node: Any, events: tuple[Any, ...]) -> None:
    """Call `widget._show_node()` now and whenever `node` changes."""
    own = state(widget)
    for observed, tag in getattr(own, "observations", []):
        observed.RemoveObserver(tag)
    own.node = node

    def on_event(_caller: Any, _event: str) -> None:
        if Shiboken.isValid(widget):
            widget._show_node()

    own.observations = (
        [(node, node.AddObserver(event, on_event)) for event in events] if node else []
    )
    widget._show_node()


def _segment_events(node: Any) -> tuple[Any, ...]:
    if node is None:
        return ()
    kind = type(node.GetSegmentation())
    return (kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified, "ModifiedEvent")


def _column(number: int) -> Any:
    def show(view: Any, is_shown: bool) -> None:
        state(view).table.setColumnHidden(number, not is_shown)

    return show


@with_setters
class qMRMLSegmentsTableView(qMRMLWidget):
    """The table of segments: visibility, color, opacity and name."""

    selectionChanged = Signal(object, object)
    segmentAboutToBeModified = Signal(str)
    host_signals: ClassVar = {
        "selectionChanged(QItemSelection,QItemSelection)": "selectionChanged",
        "segmentAboutToBeModified(QString)": "segmentAboutToBeModified",
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty table."""
        super().__init__(parent)
        own = state(self)
        own.ids, own.node = [], None
        own.table = QTableWidget(0, len(_COLUMNS), self)
        own.table.setHorizontalHeaderLabels(_COLUMNS)
        own.table.setSelectionBehavior(QAbstractItemView.SelectRows)
        own.table.selectionModel().selectionChanged.connect(self.selectionChanged.emit)
        own.table.itemChanged.connect(self._renamed)
        QVBoxLayout(self).addWidget(own.table)

    visibilityColumnVisible = stored("visibilityColumnVisible", bool, True, _column(0))
    colorColumnVisible = stored("colorColumnVisible", bool, True, _column(1))
    opacityColumnVisible = stored("opacityColumnVisible", bool, True, _column(2))
    statusColumnVisible = stored("statusColumnVisible", bool, False)
    layerColumnVisible = stored("layerColumnVisible", bool, False)
    headerVisible = stored(
        "headerVisible",
        bool,
        True,
        lambda self, shown: state(self).table.horizontalHeader().setVisible(shown),
    )
    readOnly = stored("readOnly", bool, False, lambda self, _: self._show_node())
    filterBarVisible = stored("filterBarVisible", bool, False)
    textFilter = stored("textFilter", str, "", lambda self, _: self._show_node())
    jumpToSelectedSegmentEnabled = stored("jumpToSelectedSegmentEnabled", bool, False)
    useTerminologySelector = stored("useTerminologySelector", bool, True)
    terminologySelectorOptionVisible = stored("terminologySelectorOptionVisible", bool, False)
    selectionMode = Property(
        int,
        lambda self: int(state(self).table.selectionMode.value),
        lambda self, mode: state(self).table.setSelectionMode(
            QAbstractItemView.SelectionMode(mode)
        ),
    )
    segmentCount = Property(int, lambda self: len(state(self).ids))

    def setSegmentationNode(self, node: Any) -> None:
        """Show the segments of another node, or of none."""
        _observe_node(self, node, _segment_events(node))

    def segmentationNode(self) -> Any:
        """Give the segmentation node."""
        return state(self).node

    def displayedSegmentIDs(self) -> tuple[str, ...]:
        """Give the IDs of the rows."""
        return tuple(state(self).ids)

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        """Give the IDs of the selected rows."""
        own = state(self)
        rows = sorted({index.row() for index in own.table.selectedIndexes()})
        return tuple(own.ids[row] for row in rows)

    def setSelectedSegmentIDs(self, ids: list[str]) -> None:
        """Select these rows and no others."""
        own = state(self)
        own.table.clearSelection()
        for segment_id in ids:
            own.table.selectRow(own.ids.index(segment_id))

    def clearSelection(self) -> None:
        """Select no row."""
        state(self).table.clearSelection()

    def _show_node(self) -> None:
        own = state(self)
        segmentation = own.node.GetSegmentation() if own.node else None
        ids = segmentation.GetSegmentIDs() if segmentation else ()
        own.ids = [one for one in ids if self.textFilter in segmentation.GetSegment(one).GetName()]
        own.table.blockSignals(True)
        own.table.setRowCount(len(own.ids))
        for row, segment_id in enumerate(own.ids):
            self._show_segment(row, segment_id, segmentation.GetSegment(segment_id))
        own.table.blockSignals(False)

    def _show_segment(self, row: int, segment_id: str, segment: Any) -> None:
        own = state(self)
        display = own.node.GetDisplayNode()
        is_visible = display is None or display.GetSegmentVisibility(segment_id)
        opacity = display.GetSegmentOpacity3D(segment_id) if display else 1.0
        texts = ["shown" if is_visible else "hidden", "", f"{opacity:.2f}", segment.GetName()]
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            if column != len(texts) - 1 or self.readOnly:
                item.setFlags(item.flags() & ~Qt.ItemIsEditable)
            own.table.setItem(row, column, item)
        own.table.item(row, 1).setBackground(QColor.fromRgbF(*segment.GetColor()))

    def _renamed(self, item: QTableWidgetItem) -> None:
        own = state(self)
        if item.column() == len(_COLUMNS) - 1:
            segment_id = own.ids[item.row()]
            self.segmentAboutToBeModified.emit(segment_id)
            own.node.GetSegmentation().GetSegment(segment_id).SetName(item.text())


@with_setters
class qMRMLSegmentationShow3DButton(ctkMenuButton):
    """A check button that makes and shows the closed surfaces of a segmentation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make one without a segmentation; it is disabled until it gets one."""
        super().__init__(parent)
        self.text = "Show 3D"
        self.setCheckable(True)
        self.setEnabled(False)
        state(self).node = None
        self.toggled.connect(self._toggle)

    locked = stored("locked", bool, False)

    def setSegmentationNode(self, node: Any) -> None:
        """Serve another segmentation, or none."""
        _observe_node(self, node, _segment_events(node))

    def segmentationNode(self) -> Any:
        """Give the segmentation node."""
        return state(self).node

    def _show_node(self) -> None:
        node = state(self).node
        segmentation = node.GetSegmentation() if node else None
        has_surface = bool(segmentation and segmentation.ContainsRepresentation(_SURFACE))
        self.setEnabled(
            segmentation is not None
            and not self.locked
            and segmentation.GetNumberOfSegments() > 0
            and segmentation.GetSourceRepresentationName() != _SURFACE
        )
        self.blockSignals(True)
        self.setChecked(has_surface)
        self.blockSignals(False)

    def _toggle(self, is_on: bool) -> None:
        node = state(self).node
        if node is None:
            return
        if is_on:
            node.CreateClosedSurfaceRepresentation()
            if node.GetDisplayNode():
                node.GetDisplayNode().SetVisibility3D(True)
        else:
            node.RemoveClosedSurfaceRepresentation()
