"""The image under a review's candidates, and the views that show it."""

from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from atlastumor.batch.cohort import Case, read_probability
from atlastumor.errors import InputError
from atlastumor.review.session import ReviewSession
from AtlasTumorSlicer.Mrml import readGeometry

from .Cases import findScan
from .ReviewLattice import findLattice

__all__ = ["loadReviewVolume", "pointedAt"]

_WINDOW, _LEVEL = 400, 40


def loadReviewVolume(
    session: ReviewSession, scans: "Path | None"
) -> "slicer.vtkMRMLScalarVolumeNode":
    """Bring the CT of the shown scan into the scene; where there is none, its first map.

    Args:
        session: Whose scan is shown.
        scans: Folder of the CTs, or None to look beside the prediction alone.

    Returns:
        The volume, shown in the slice views.

    Raises:
        InputError: If the CT does not lie on the grid of the maps.
    """
    scan, place = session.scan, session.place
    case = Case(scan.name, place, place)
    path = findScan(case, scans)
    if path is None:
        node = _showMap(session, case)
    else:
        node = slicer.util.loadVolume(str(path), properties={"name": scan.name, "show": False})
        if findLattice(scan.grid, readGeometry(node).local) is None:
            slicer.mrmlScene.RemoveNode(node)
            raise InputError(
                _(
                    "The CT of '{scan}' does not lie on the grid of its maps, so borders could not "
                    "be drawn on it. Choose the CT that the maps were made from."
                ).format(scan=scan.name)
            )
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(0)
        node.GetDisplayNode().SetWindowLevel(_WINDOW, _LEVEL)
    slicer.util.setSliceViewerLayers(background=node, foreground=None, label=None, fit=True)
    return node


def _showMap(session: ReviewSession, case: Case) -> "slicer.vtkMRMLScalarVolumeNode":
    organ = next(iter(session.scan.candidates))
    probability, grid = read_probability(case, organ)
    affine = grid.affine
    if np.linalg.det(affine) < 0:  # nodes are right-handed, as Slicer's own reader makes them
        flip = np.diag([1.0, 1.0, -1.0, 1.0])
        flip[2, 3] = grid.shape[2] - 1
        probability, affine = probability[:, :, ::-1], affine @ flip
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(affine.ravel().tolist())
    array = np.ascontiguousarray(probability.T)
    node = slicer.util.addVolumeFromArray(array, ijkToRAS=matrix, name=case.name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(0)
    node.GetDisplayNode().SetWindowLevelMinMax(0.0, 1.0)
    return node


def pointedAt() -> tuple[float, float, float]:
    """Where the mouse points in a slice view, else where the crosshair is, RAS mm.

    Raises:
        InputError: If there is no crosshair.
    """
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is None:
        raise InputError(_("There is no crosshair in this scene; restart Slicer."))
    ras = [0.0, 0.0, 0.0]
    if not crosshair.GetCursorPositionRAS(ras):
        ras = list(crosshair.GetCrosshairRAS())
    return ras[0], ras[1], ras[2]
