"""The real MRML scene and the real module logics, without the application around them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import slicer
import vtk

from host.subject_hierarchy import keep_subject_hierarchy
from host.terminologies import write_terminologies

__all__ = ["SLICE_VIEWS", "VtkErrors", "alias_modules", "make_scene"]

_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Units": "vtkSlicerUnitsLogic",
}
"""Module name -> class of its logic. Terminologies before those that look it up."""

_ALIASES = {
    "vtkITK": "vtkITK",
    "vtkSegmentationCorePython": "vtkSegmentationCore",
    "vtkSegmentationCore": "vtkSegmentationCore",
    "MRMLCorePython": "MRMLCore",
    "MRMLLogicPython": "MRMLLogic",
}

SLICE_VIEWS = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}
"""Slice view -> orientation, as in Slicer's own layouts."""


class VtkErrors:
    """Collect the errors VTK would print into Slicer's error log."""

    def __init__(self) -> None:
        """Take over VTK's output window."""
        self.messages: list[str] = []
        self._window = vtk.vtkOutputWindow()
        self._window.SetDisplayModeToNever()
        vtk.vtkOutputWindow.SetInstance(self._window)
        self._note.__func__.CallDataType = vtk.VTK_STRING
        self._window.AddObserver("ErrorEvent", self._note)

    def _note(self, _caller: Any, _event: str, text: str) -> None:
        self.messages.append(text.strip())


def alias_modules() -> None:
    """Make the compiled modules importable under the names they have inside Slicer."""
    import slicer_core

    for alias, name in _ALIASES.items():
        module = sys.modules.get(f"slicer_core.{name}") or getattr(slicer_core, name, None)
        if module is not None:
            sys.modules.setdefault(alias, module)


def _make_cache(scene: Any, folder: Path) -> None:
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(folder))
    scene.SetCacheManager(cache)
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetDataIOManager(manager)


def _make_logics(scene: Any, application_logic: Any, folder: Path) -> dict[str, Any]:
    logics = {}
    for name, class_name in _LOGICS.items():
        if name == "Colors":
            logics[name] = application_logic.GetColorLogic()
            application_logic.SetModuleLogic(name, logics[name])
            continue
        logic = getattr(slicer, class_name)()
        if hasattr(logic, "SetModuleShareDirectory"):
            logic.SetModuleShareDirectory(str(folder))
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        application_logic.SetModuleLogic(name, logic)
        logics[name] = logic
    return logics


def _make_slices(scene: Any, application_logic: Any) -> dict[str, Any]:
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    collection = vtk.vtkCollection()
    slices = {}
    for name in SLICE_VIEWS:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        collection.AddItem(logic)
        slices[name] = logic
    application_logic.SetSliceLogics(collection)
    for name, logic in slices.items():
        logic.SetMRMLScene(scene)
        logic.AddSliceNode(name)
        logic.ResizeSliceNode(300, 300)

    def orient(_caller: Any = None, _event: str = "") -> None:
        for name, logic in slices.items():
            logic.GetSliceNode().SetOrientation(SLICE_VIEWS[name])

    orient()
    scene.AddObserver(scene.EndCloseEvent, orient)  # as Slicer's layout manager does
    return slices


def make_scene(folder: Path) -> SimpleNamespace:
    """Make the scene, the application logic and the module logics.

    Args:
        folder: Where the scene may put its caches.

    Returns:
        The names `scene`, `application_logic`, `logics` (by module name) and `slices`
        (slice logics by view name).
    """
    for kind in ("cache", "share"):
        (folder / kind).mkdir(exist_ok=True)
    write_terminologies(folder / "share")
    scene = slicer.vtkMRMLScene()
    application_logic = slicer.vtkSlicerApplicationLogic()
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    application_logic.SetMRMLScene(scene)
    application_logic.GetColorLogic().SetMRMLScene(scene)
    application_logic.GetColorLogic().AddDefaultColorNodes()
    application_logic.SetViewLogics(vtk.vtkCollection())
    for factory in (
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
        slicer.vtkMRMLSliceViewDisplayableManagerFactory,
    ):
        factory.GetInstance().SetMRMLApplicationLogic(application_logic)
    logics = _make_logics(scene, application_logic, folder / "share")
    slices = _make_slices(scene, application_logic)
    _make_cache(scene, folder / "cache")
    application_logic.SetTemporaryPath(str(folder))
    keep_subject_hierarchy(scene)
    return SimpleNamespace(
        scene=scene, application_logic=application_logic, logics=logics, slices=slices
    )
