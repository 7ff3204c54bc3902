"""Read and write files as `slicer.app.coreIOManager()` does, with the real storage nodes.

After `Base/QTCore/qSlicerCoreIOManager.cxx` and the readers of volumes, segmentations and scenes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6.QtCore import QObject, Signal

from host.stand_in import state, with_setters

__all__ = ["qSlicerCoreIOManager"]

_FILE_TYPES = {
    ".mrml": "SceneFile",
    ".mrb": "SceneFile",
    ".seg.nrrd": "SegmentationFile",
    ".seg.nhdr": "SegmentationFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".nii": "VolumeFile",
    ".mha": "VolumeFile",
    ".mhd": "VolumeFile",
    ".mrk.json": "MarkupsFile",
    ".tsv": "TableFile",
    ".csv": "TableFile",
    ".txt": "TextFile",
    ".h5": "TransformFile",
    ".tfm": "TransformFile",
    ".vtk": "ModelFile",
    ".vtp": "ModelFile",
    ".stl": "ModelFile",
}
"""Ending -> type of the reader with the highest confidence; longer endings first."""

_NODE_CLASSES = {
    "MarkupsFile": "vtkMRMLMarkupsFiducialNode",
    "TableFile": "vtkMRMLTableNode",
    "TextFile": "vtkMRMLTextNode",
    "TransformFile": "vtkMRMLTransformNode",
    "ModelFile": "vtkMRMLModelNode",
    "SegmentationFile": "vtkMRMLSegmentationNode",
}

_VOLUME_FORMATS = ("NRRD (.nrrd)", "NIfTI (.nii.gz)", "NIfTI (.nii)", "MetaImage (.mha)")
"""Formats of volume nodes; the real storage node reports none without the application."""

_VOLUME_OPTIONS = {
    "labelmap": 0x1,
    "center": 0x2,
    "singleFile": 0x4,
    "autoWindowLevel": 0x8,
    "discardOrientation": 0x10,
}


def _load_volume(_scene: Any, path: str, properties: dict[str, Any]) -> list[Any]:
    logic = slicer.modules.volumes.logic()
    options = sum(bit for key, bit in _VOLUME_OPTIONS.items() if properties.get(key))
    name = properties.get("name") or Path(path).name.split(".")[0]
    files = None
    if "fileNames" in properties:
        files = vtk.vtkStringArray()
        for one in properties["fileNames"]:
            files.InsertNextValue(str(one))
    node = logic.AddArchetypeVolume(path, name, options, files)
    if node is not None and properties.get("show", True):
        _show_volume(node)
    return [node] if node is not None else []


def _show_volume(node: Any) -> None:
    logic = slicer.app.applicationLogic()
    selection = logic.GetSelectionNode()
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        selection.SetActiveLabelVolumeID(node.GetID())
    else:
        selection.SetActiveVolumeID(node.GetID())
    logic.PropagateVolumeSelection()


def _load_stored(class_name: str) -> Callable[[Any, str, dict[str, Any]], list[Any]]:
    def load(scene: Any, path: str, properties: dict[str, Any]) -> list[Any]:
        node = scene.CreateNodeByClass(class_name)
        node.UnRegister(None)
        node.SetName(
            scene.GenerateUniqueName(properties.get("name") or Path(path).name.split(".")[0])
        )
        scene.AddNode(node)
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        storage.SetFileName(path)
        scene.AddNode(storage)
        node.SetAndObserveStorageNodeID(storage.GetID())
        if not storage.ReadData(node):
            scene.RemoveNode(storage)
            scene.RemoveNode(node)
            return []
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        return [node]

    return load


def _load_scene(scene: Any, path: str, properties: dict[str, Any]) -> list[Any] | None:
    is_clear = bool(properties.get("clear", False))
    if path.lower().endswith(".mrb"):
        is_read = scene.ReadFromMRB(path, is_clear)
    else:
        scene.SetURL(path)
        is_read = scene.Connect() if is_clear else scene.Import()
    return [] if is_read else None


_LOADERS: dict[str, Callable[[Any, str, dict[str, Any]], list[Any] | None]] = {
    "VolumeFile": _load_volume,
    "SceneFile": _load_scene,
    **{kind: _load_stored(class_name) for kind, class_name in _NODE_CLASSES.items()},
}


def _write_node(node: Any, path: str) -> bool:
    storage = node.GetStorageNode()
    if storage is None:
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
    storage.SetFileName(path)
    return bool(storage.WriteData(node))


@with_setters
class qSlicerCoreIOManager(QObject):
    """Loads and saves nodes and scenes."""

    newFileLoaded = Signal(object)
    fileSaved = Signal(object)

    def __init__(self, scene: Any) -> None:
        """Serve `scene`."""
        super().__init__()
        state(self).scene = scene

    def fileType(self, path: str) -> str:
        """Name the type of a file by its ending; `NoFile` if no reader takes it."""
        name = Path(path).name.lower()
        return next((kind for end, kind in _FILE_TYPES.items() if name.endswith(end)), "NoFile")

    def loadNodes(
        self, file_type: str, properties: dict[str, Any], nodes: Any = None, messages: Any = None
    ) -> bool:
        """Load a file; the new nodes are added to the collection `nodes`."""
        path = properties["fileName"]
        if not isinstance(path, str):
            raise TypeError(f"fileName must be a str, not a {type(path).__name__}")
        loader = _LOADERS.get(file_type)
        path = str(Path(path).absolute())
        loaded = (
            loader(state(self).scene, path, properties) if loader and Path(path).exists() else None
        )
        is_loaded = bool(loaded) or (file_type == "SceneFile" and loaded is not None)
        if not is_loaded and messages is not None:
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"Loading {path} - load failed.")
        for node in loaded or []:
            if nodes is not None:
                nodes.AddItem(node)
        self.newFileLoaded.emit({**properties, "fileType": file_type})
        return is_loaded

    def loadScene(self, path: str, clear: bool = True, messages: Any = None) -> bool:
        """Load a scene."""
        return self.loadNodes("SceneFile", {"fileName": path, "clear": clear}, None, messages)

    def loadFile(self, path: str, messages: Any = None) -> bool:
        """Load any file."""
        return self.loadNodes(self.fileType(path), {"fileName": path}, None, messages)

    def saveNodes(self, file_type: str, properties: dict[str, Any], messages: Any = None) -> bool:
        """Save a node or the scene."""
        if file_type == "SceneFile":
            return self.saveScene(str(properties["fileName"]), None, messages)
        node = state(self).scene.GetNodeByID(properties["nodeID"])
        is_saved = node is not None and _write_node(node, str(properties["fileName"]))
        self.fileSaved.emit(dict(properties))
        return is_saved

    def saveScene(self, path: str, _picture: Any = None, messages: Any = None) -> bool:
        """Save the scene as .mrml (without the data), as .mrb, or into a folder."""
        scene, full = state(self).scene, Path(path).absolute()
        self.addDefaultStorageNodes()
        if full.suffix == ".mrml":
            scene.SetURL(str(full))
            scene.SetRootDirectory(str(full.parent))
            is_saved = bool(scene.Commit())
        elif full.suffix == ".mrb":
            is_saved = bool(scene.WriteToMRB(str(full)))
            scene.SetStorableNodesModifiedSinceRead()
        else:
            logic = slicer.app.applicationLogic()
            is_saved = bool(logic.SaveSceneToSlicerDataBundleDirectory(str(full), None))
        if not is_saved and messages is not None:
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"Failed to save scene as {full}")
        return is_saved

    def exportNodes(
        self,
        ids: list[str],
        paths: list[str],
        _properties: dict[str, Any],
        is_hardened: bool,
        messages: Any = None,
    ) -> bool:
        """Write copies of nodes, so that where the nodes are saved does not change."""
        scene = state(self).scene
        if is_hardened:
            raise NotImplementedError("The test host cannot harden transforms while exporting")
        copies = slicer.vtkMRMLScene()
        is_done = True
        for node_id, path in zip(ids, paths, strict=True):
            node = scene.GetNodeByID(node_id)
            copy = copies.AddNewNodeByClass(node.GetClassName())
            copy.CopyContent(node, False)
            is_done &= _write_node(copy, str(path))
        if not is_done and messages is not None:
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, "Error encountered while exporting.")
        return is_done

    def fileWriterFileType(self, node: Any, _extension: str = "") -> str:
        """Name the type a node is written as."""
        if node.IsA("vtkMRMLVolumeNode"):
            return "VolumeFile"
        return next(
            (kind for kind, class_name in _NODE_CLASSES.items() if node.IsA(class_name)), "NoFile"
        )

    def fileWriterExtensions(self, node: Any) -> list[str]:
        """Give the formats a node can be written in, as `NRRD (.nrrd)`."""
        if node.IsA("vtkMRMLVolumeNode"):
            return list(_VOLUME_FORMATS)
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        types = storage.GetSupportedWriteFileExtensions() if storage else None
        formats = storage.GetSupportedWriteFileTypes() if storage else None
        return [formats.GetValue(i) for i in range(types.GetNumberOfValues())] if types else []

    def extractKnownExtension(self, path: str, node: Any) -> str:
        """Give the longest known ending of `path`."""
        get = slicer.vtkDataFileFormatHelper.GetFileExtensionFromFormatString
        endings = [get(one) for one in self.fileWriterExtensions(node)]
        return max((one for one in endings if one and path.endswith(one)), key=len, default="")

    def addDefaultStorageNodes(self) -> None:
        """Give every storable node that has data a storage node."""
        scene = state(self).scene
        nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
        for node in nodes:
            is_saved = node.IsA("vtkMRMLStorableNode") and node.GetSaveWithScene()
            if is_saved and not node.GetHideFromEditors() and not node.GetStorageNode():
                node.AddDefaultStorageNode()
