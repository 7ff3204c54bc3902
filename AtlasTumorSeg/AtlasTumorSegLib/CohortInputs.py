"""The list of what a cohort is made of: folders, files, manifests, scans of the scene."""

import json
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from AtlasTumorSlicer.Signal import Signal

from .Parameters import readMachine, writeMachine

__all__ = ["CohortInputs"]

_PATH = qt.Qt.UserRole
_NODE = qt.Qt.UserRole + 1


class CohortInputs:
    """Fills the list and remembers its paths on this computer.

    Args:
        ui: The widgets of the .ui file.

    Attributes:
        changed: Emitted when the list became another one.
    """

    def __init__(self, ui: object) -> None:
        """Show the paths of the last time."""
        self.changed = Signal()
        self._list = ui.cohortInputsListWidget
        self._removeButton = ui.removeInputsButton
        ui.addFolderButton.connect("clicked()", self.onAddFolderButton)
        ui.addFilesButton.connect("clicked()", self.onAddFilesButton)
        ui.addNodesButton.connect("clicked()", self.onAddNodesButton)
        ui.removeInputsButton.connect("clicked()", self.onRemoveButton)
        self._list.connect("itemSelectionChanged()", self._showSelection)
        for path in json.loads(readMachine("cohortInputs")):
            self._addPath(path)
        self._showSelection()

    @property
    def paths(self) -> list[str]:
        """The paths, in the order of the list."""
        return [str(item.data(_PATH)) for item in self._items() if item.data(_PATH)]

    @property
    def nodes(self) -> list[Any]:
        """The volume nodes, in the order of the list."""
        ids = [str(item.data(_NODE)) for item in self._items() if item.data(_NODE)]
        found = [slicer.mrmlScene.GetNodeByID(one) for one in ids]
        return [node for node in found if node is not None]

    @property
    def count(self) -> int:
        """Number of lines."""
        return len(self.paths) + len(self.nodes)

    def addPaths(self, paths: list[str]) -> None:
        """Add paths that are not in the list yet."""
        known = set(self.paths)
        for path in dict.fromkeys(paths):
            if path not in known:
                self._addPath(path)
        self._keep()

    def forgetNodes(self) -> None:
        """Take the scans of the scene off the list: the scene is about to close."""
        self._take([item for item in self._items() if item.data(_NODE)])

    def onAddFolderButton(self) -> None:
        """Add a folder that the user chooses."""
        path = qt.QFileDialog.getExistingDirectory(None, _("Add a folder of scans"), self._near())
        if path:
            self.addPaths([path])

    def onAddFilesButton(self) -> None:
        """Add files that the user chooses."""
        kinds = _("Scans and manifests (*.nii *.nii.gz *.nrrd *.mha *.mhd *.zip *.csv);;All (*)")
        title = _("Add scans or a manifest")
        paths = qt.QFileDialog.getOpenFileNames(None, title, self._near(), kinds)
        if paths:
            self.addPaths([str(path) for path in paths])

    def onAddNodesButton(self) -> None:
        """Add the scans of the scene that are not in the list yet."""
        known = {node.GetID() for node in self.nodes}
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            if not node.IsA("vtkMRMLLabelMapVolumeNode") and node.GetID() not in known:
                text = _("{scan} (in the scene)").format(scan=node.GetName())
                self._addItem(text, _NODE, node.GetID())
        self._keep()

    def onRemoveButton(self) -> None:
        """Take the chosen lines off the list."""
        self._take(list(self._list.selectedItems()))

    def _addPath(self, path: str) -> None:
        item = self._addItem(path, _PATH, path)
        item.setToolTip(path)

    def _addItem(self, text: str, role: int, value: str) -> "qt.QListWidgetItem":
        item = qt.QListWidgetItem(text)
        item.setData(role, value)
        self._list.addItem(item)
        return item

    def _take(self, items: list) -> None:
        for item in items:
            self._list.takeItem(self._list.row(item))
        self._keep()

    def _keep(self) -> None:
        writeMachine("cohortInputs", json.dumps(self.paths))
        self._showSelection()
        self.changed.emit()

    def _near(self) -> str:
        """Where a dialog begins: beside the last path."""
        paths = self.paths
        return str(Path(paths[-1]).parent) if paths else ""

    def _showSelection(self) -> None:
        self._removeButton.enabled = bool(self._list.selectedItems())

    def _items(self) -> list:
        return [self._list.item(row) for row in range(self._list.count)]
