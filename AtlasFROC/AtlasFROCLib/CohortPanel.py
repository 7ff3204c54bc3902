"""Which cohort to measure: folders, or nodes of the scene."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from atlastumor.organs import ORGANS
from AtlasTumorSlicer.Signal import Signal

from .Parameters import Parameters, Source
from .SceneFiles import SceneSource, defaultSegments
from .Sources import CohortSource, FolderCohort, SceneCohort

__all__ = ["CohortPanel"]

_FOLDERS = ("predictions", "references", "scans", "results")


class CohortPanel:
    """Shows the choice of a cohort and gives it.

    Args:
        ui: The widgets of the .ui file.

    Attributes:
        changed: Emitted when the user changes what the parameter node is not connected to.
    """

    def __init__(self, ui: object) -> None:
        """Fill the boxes and connect to changes."""
        self.changed = Signal()
        self._ui = ui
        self._isShowing = False
        self._segmentationNode = None
        ui.sourceComboBox.addItem(_("folders"), Source.Folders.name)
        ui.sourceComboBox.addItem(_("nodes of the scene"), Source.Scene.name)
        for organ in ORGANS:
            ui.sceneOrganComboBox.addItem(_(organ.name), organ.key)
        for box in (ui.sourceComboBox, ui.sceneOrganComboBox):
            box.connect("currentIndexChanged(int)", self._onChanged)
        for name in _FOLDERS:
            self._line(name).connect("currentPathChanged(QString)", self._onChanged)
        ui.segmentsListWidget.connect("itemChanged(QListWidgetItem*)", self._onChanged)

    def write(self, parameters: Parameters) -> None:
        """Keep what the user chose; call it when `changed` was emitted."""
        ui = self._ui
        with slicer.util.NodeModify(parameters):
            parameters.source = Source[ui.sourceComboBox.itemData(ui.sourceComboBox.currentIndex)]
            for name in _FOLDERS:
                setattr(parameters, name, str(self._line(name).currentPath))
            box = ui.sceneOrganComboBox
            parameters.sceneOrgan = box.itemData(box.currentIndex)
            parameters.referenceSegments = self._checkedSegments()

    def show(self, parameters: Parameters) -> None:
        """Show what was chosen elsewhere, without emitting `changed`."""
        self._takeReference(parameters)
        self._isShowing = True
        ui = self._ui
        ui.sourceComboBox.currentIndex = ui.sourceComboBox.findData(parameters.source.name)
        for name in _FOLDERS:
            line, path = self._line(name), getattr(parameters, name)
            if line.currentPath != path:
                line.currentPath = path
        organ = ui.sceneOrganComboBox
        organ.currentIndex = organ.findData(parameters.sceneOrgan)
        isScene = parameters.source is Source.Scene
        ui.foldersWidget.visible, ui.sceneWidget.visible = not isScene, isScene
        self._showSegments(parameters.reference, list(parameters.referenceSegments))
        self._isShowing = False

    def source(self, parameters: Parameters) -> CohortSource:
        """Give the chosen cohort; only where `findObstacle` finds none."""
        if parameters.source is Source.Folders:
            scans = Path(parameters.scans) if parameters.scans else None
            return FolderCohort(Path(parameters.predictions), Path(parameters.references), scans)
        return SceneCohort(
            SceneSource(
                parameters.sceneOrgan,
                parameters.probability,
                parameters.reference,
                tuple(parameters.referenceSegments),
                parameters.scan,
            )
        )

    def findObstacle(self, parameters: Parameters) -> str:
        """Say why the cohort cannot be measured yet; empty if it can."""
        if parameters.source is Source.Folders:
            if not parameters.predictions:
                return _("Choose the folder of the predictions first.")
            return "" if parameters.references else _("Choose the folder of the references first.")
        if not parameters.probability:
            return _("Choose a probability map first.")
        if not parameters.reference:
            return _("Choose the segmentation of the reference first.")
        return ""

    def _line(self, name: str) -> "qt.QWidget":
        return getattr(self._ui, f"{name}PathLineEdit")

    def _onChanged(self, _value: object = None) -> None:
        if not self._isShowing:
            self.changed.emit()

    def _takeReference(self, parameters: Parameters) -> None:
        """Check the tumor segments of a newly chosen segmentation.

        Those that a loaded scene brings for its segmentation stay.
        """
        node, before = parameters.reference, self._segmentationNode
        if node is before:
            return
        self._segmentationNode = node
        ids = node.GetSegmentation().GetSegmentIDs() if node else ()
        if before is not None or not set(parameters.referenceSegments) & set(ids):
            parameters.referenceSegments = defaultSegments(node)

    def _showSegments(
        self, node: "slicer.vtkMRMLSegmentationNode | None", checked: list[str]
    ) -> None:
        segmentation = node.GetSegmentation() if node else None
        ids = segmentation.GetSegmentIDs() if segmentation else ()
        names = {one: segmentation.GetSegment(one).GetName() for one in ids}
        # An item must outlive its own signal, so items are made anew only for other segments.
        if {_idOf(item): item.text() for item in self._items()} != names:
            self._ui.segmentsListWidget.clear()
            for segmentId, name in names.items():
                item = qt.QListWidgetItem(name)
                item.setData(qt.Qt.UserRole, segmentId)
                item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
                self._ui.segmentsListWidget.addItem(item)
        for item in self._items():
            item.setCheckState(qt.Qt.Checked if _idOf(item) in checked else qt.Qt.Unchecked)

    def _checkedSegments(self) -> list[str]:
        return [_idOf(item) for item in self._items() if item.checkState() == qt.Qt.Checked]

    def _items(self) -> "list[qt.QListWidgetItem]":
        listWidget = self._ui.segmentsListWidget
        return [listWidget.item(row) for row in range(listWidget.count)]


def _idOf(item: "qt.QListWidgetItem") -> str:
    return str(item.data(qt.Qt.UserRole))
