"""Stand-in of qMRMLNodeComboBox, after `Libs/MRML/Widgets/qMRMLNodeComboBox.cxx`.

It selects nothing by itself when nodes appear, whatever `noneEnabled` says. The entries for
creating, renaming and deleting nodes in its list are not there; call `addNode()` and the like.
"""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QWidget
from shiboken6 import Shiboken

from host.stand_in import Property, state, stored, with_setters

__all__ = ["qMRMLNodeComboBox"]


@with_setters
class qMRMLNodeComboBox(QWidget):
    """Choose a node of the scene."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeEdited = Signal(object)
    currentNodeRenamed = Signal(str)
    host_signals: ClassVar = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "currentNodeChanged",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
        "nodeActivated(vtkMRMLNode*)": "nodeActivated",
        "nodeAdded(vtkMRMLNode*)": "nodeAdded",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
        "nodeAboutToBeEdited(vtkMRMLNode*)": "nodeAboutToBeEdited",
        "currentNodeRenamed(QString)": "currentNodeRenamed",
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make one without a scene; it is disabled until it gets one."""
        super().__init__(parent)
        own = state(self)
        own.scene, own.tags, own.requested, own.attributes, own.base_names = None, [], "", [], {}
        own.ids, own.current = [], ""
        own.combo = QComboBox(self)
        own.combo.activated.connect(self._chosen)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(own.combo)
        self.setEnabled(False)

    def _changed(self, _value: Any) -> None:
        self._refresh()

    nodeTypes = stored("nodeTypes", list, [], _changed)
    hideChildNodeTypes = stored("hideChildNodeTypes", list, [], _changed)
    showHidden = stored("showHidden", bool, False, _changed)
    showChildNodeTypes = stored("showChildNodeTypes", bool, True, _changed)
    noneEnabled = stored("noneEnabled", bool, False, _changed)
    noneDisplay = stored("noneDisplay", str, "None", _changed)
    addEnabled = stored("addEnabled", bool, True)
    removeEnabled = stored("removeEnabled", bool, True)
    editEnabled = stored("editEnabled", bool, False)
    renameEnabled = stored("renameEnabled", bool, False)
    selectNodeUponCreation = stored("selectNodeUponCreation", bool, True)
    interactionNodeSingletonTag = stored("interactionNodeSingletonTag", str, "Singleton")

    def _write_base_name(self, name: str) -> None:
        self.setBaseName(name)

    baseName = Property(str, lambda self: state(self).base_names.get("", ""), _write_base_name)
    currentNodeID = Property(
        str, lambda self: state(self).current, lambda self, node_id: self.setCurrentNodeID(node_id)
    )

    def mrmlScene(self) -> Any:
        """Give the scene."""
        return state(self).scene

    def setMRMLScene(self, scene: Any) -> None:
        """Observe another scene, or none."""
        own = state(self)
        if scene is own.scene:
            return
        for tag in own.tags:
            own.scene.RemoveObserver(tag)
        own.scene, own.tags = scene, []
        if scene is not None:
            events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndImportEvent)
            own.tags = [scene.AddObserver(event, self._on_scene_event) for event in events]
        self.setEnabled(scene is not None)
        self._refresh()
        requested, own.requested = own.requested or own.current, ""
        self.setCurrentNodeID(requested)

    def _on_scene_event(self, _caller: Any, _event: str) -> None:
        if Shiboken.isValid(self):
            self._refresh()

    def _is_listed(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if self.showChildNodeTypes:
            is_kind = any(node.IsA(kind) for kind in self.nodeTypes)
            is_kind &= not any(node.IsA(kind) for kind in self.hideChildNodeTypes)
        else:
            is_kind = node.GetClassName() in self.nodeTypes
        return is_kind and all(
            not node.IsA(kind)
            or (node.GetAttribute(key) is not None and value in (None, node.GetAttribute(key)))
            for kind, key, value in state(self).attributes
        )

    def nodes(self) -> list[Any]:
        """Give the nodes that can be chosen, in the order of the scene."""
        scene = state(self).scene
        if scene is None:
            return []
        every = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
        return [node for node in every if self._is_listed(node)]

    def _refresh(self) -> None:
        own = state(self)
        nodes = self.nodes()
        ids = [node.GetID() for node in nodes]
        added = [node for node in nodes if node.GetID() not in own.ids]
        lost_row = own.ids.index(own.current) if own.current in own.ids else -1
        own.ids = ids
        own.combo.clear()
        own.combo.addItems([self.noneDisplay] * self.noneEnabled + [one.GetName() for one in nodes])
        if own.current and own.current not in ids and own.scene is not None:
            self._select(ids[min(lost_row, len(ids) - 1)] if ids else "")
        else:
            self._show_current()
        for node in added:
            self.nodeAdded.emit(node)

    def _show_current(self) -> None:
        own = state(self)
        offset = int(self.noneEnabled)
        row = own.ids.index(own.current) + offset if own.current in own.ids else offset - 1
        own.combo.setCurrentIndex(row)

    def _select(self, node_id: str) -> None:
        own = state(self)
        is_change = node_id != own.current
        own.current = node_id
        self._show_current()
        if is_change:
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(node_id)

    def _chosen(self, row: int) -> None:
        row -= int(self.noneEnabled)
        self._select(state(self).ids[row] if row >= 0 else "")
        self.nodeActivated.emit(self.currentNode())

    def currentNode(self) -> Any:
        """Give the chosen node or None."""
        own = state(self)
        return own.scene.GetNodeByID(own.current) if own.scene and own.current else None

    def setCurrentNode(self, node: Any) -> None:
        """Choose a node; one that is not listed chooses none."""
        if node is not None and not isinstance(node, slicer.vtkMRMLNode):
            raise ValueError(f"setCurrentNode takes a node, not {node!r}")
        self.setCurrentNodeID((node.GetID() or "") if node else "")

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose by ID; before there is a scene, the wish is kept for it."""
        own = state(self)
        if own.scene is None:
            own.requested = node_id
        self._select(node_id if node_id in own.ids else "")

    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose by place in the list, counted without the `None` entry."""
        ids = state(self).ids
        self._select(ids[index] if 0 <= index < len(ids) else "")

    def nodeCount(self) -> int:
        """Count the nodes that can be chosen."""
        return len(state(self).ids)

    def nodeFromIndex(self, index: int) -> Any:
        """Give a node by its place in the list."""
        own = state(self)
        return own.scene.GetNodeByID(own.ids[index]) if 0 <= index < len(own.ids) else None

    def addAttribute(self, node_type: str, name: str, value: str | None = None) -> None:
        """List only nodes with this attribute, and give it to created ones."""
        state(self).attributes.append((node_type, name, value))
        self._refresh()

    def removeAttribute(self, node_type: str, name: str) -> None:
        """Take an attribute filter back."""
        own = state(self)
        own.attributes = [one for one in own.attributes if one[:2] != (node_type, name)]
        self._refresh()

    def setBaseName(self, name: str, node_type: str = "") -> None:
        """Set how created nodes are named."""
        state(self).base_names[node_type] = name

    def setNodeTypeLabel(self, _label: str, node_type: str) -> None:
        """Set how a node type is called in the list (the host shows no such entries)."""
        if not node_type:
            raise ValueError("setNodeTypeLabel needs a node type")

    def addNode(self, node_type: str | None = None) -> Any:
        """Create a node and choose it, as the entry `Create new ...` does."""
        own = state(self)
        node_type = node_type or (self.nodeTypes[0] if self.nodeTypes else "")
        if node_type not in self.nodeTypes:
            return None
        base = own.base_names.get(node_type) or own.base_names.get("")
        base = base or own.scene.GetTypeDisplayNameByClassName(node_type)
        node = own.scene.CreateNodeByClass(node_type)
        node.UnRegister(None)
        node.SetName(own.scene.GenerateUniqueName(base))
        for _, key, value in own.attributes:
            node.SetAttribute(key, value or "")
        own.scene.AddNode(node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        """Delete the chosen node."""
        state(self).scene.RemoveNode(self.currentNode())

    def editCurrentNode(self) -> None:
        """Ask for the module that edits the chosen node."""
        self.nodeAboutToBeEdited.emit(self.currentNode())

    def renameCurrentNode(self) -> None:
        """Let the user rename the chosen node."""
        node = self.currentNode()
        if node and (name := QInputDialog.getText(self, "Rename", "New name:")):
            node.SetName(name)
            self._refresh()
            self.currentNodeRenamed.emit(name)
