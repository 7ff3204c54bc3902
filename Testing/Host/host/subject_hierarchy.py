"""Keep the subject hierarchy as Slicer's plugins do.

After `qSlicerSubjectHierarchyPluginLogic.cxx`: items come when nodes are added or imported and go
when nodes are removed.
"""

from __future__ import annotations

from typing import Any

import slicer
import vtk

__all__ = ["keep_subject_hierarchy"]

_CLAIMED_CLASSES = (
    "vtkMRMLDisplayableNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLPlotChartNode",
)
"""Nodes that a plugin of Slicer claims."""


def _hierarchy(scene: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _add_item(scene: Any, node: Any) -> None:
    is_claimed = any(node.IsA(kind) for kind in _CLAIMED_CLASSES)
    if not is_claimed or node.GetHideFromEditors():
        return
    subjects = _hierarchy(scene)
    if not subjects.GetItemByDataNode(node):
        subjects.CreateItem(subjects.GetSceneItemID(), node)


def _on_added(scene: Any, _event: str, node: Any) -> None:
    if node.IsA("vtkMRMLSubjectHierarchyNode"):
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(scene)
    elif not scene.IsImporting():
        _add_item(scene, node)


def _on_about_to_be_removed(scene: Any, _event: str, node: Any) -> None:
    if scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
        return
    subjects = _hierarchy(scene)
    if item := subjects.GetItemByDataNode(node):
        subjects.RemoveItem(item, False, False)


def _on_import_ended(scene: Any, _event: str) -> None:
    slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(scene)
    for index in range(scene.GetNumberOfNodes()):
        _add_item(scene, scene.GetNthNode(index))


_on_added.CallDataType = vtk.VTK_OBJECT
_on_about_to_be_removed.CallDataType = vtk.VTK_OBJECT


def keep_subject_hierarchy(scene: Any) -> None:
    """Keep the subject hierarchy of `scene` up to date from now on."""
    scene.AddObserver(scene.NodeAddedEvent, _on_added)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, _on_about_to_be_removed)
    scene.AddObserver(scene.EndImportEvent, _on_import_ended)
