"""Surfaces of masks, box by box: quick where there is little in a large scan."""

from collections.abc import Sequence

import numpy as np
import vtk
from vtk.util import numpy_support

__all__ = ["makeSurface"]

_ITERATIONS = 12
_PASS_BAND = 0.1


def makeSurface(
    parts: Sequence[tuple[np.ndarray, tuple[int, int, int]]], affine: np.ndarray
) -> vtk.vtkPolyData:
    """Wrap masks in one smooth surface.

    Args:
        parts: Masks (I, J, K) and the voxel at which each begins on the full grid.
        affine: Voxels of the full grid to RAS mm, (4, 4).

    Returns:
        The surface in RAS mm, with normals; empty if there are no voxels.
    """
    if not parts:
        return vtk.vtkPolyData()
    together = vtk.vtkAppendPolyData()
    for mask, corner in parts:
        together.AddInputData(_wrap(mask, corner))
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(together.GetOutputPort())
    smooth.SetNumberOfIterations(_ITERATIONS)
    smooth.SetPassBand(_PASS_BAND)
    smooth.NormalizeCoordinatesOn()
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetInputConnection(smooth.GetOutputPort())
    placed.SetTransform(_transform(affine))
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    if np.linalg.det(affine[:3, :3]) < 0:
        normals.FlipNormalsOn()  # a mirrored grid turns the polygons' order around
    normals.Update()
    return normals.GetOutput()


def _wrap(mask: np.ndarray, corner: tuple[int, int, int]) -> vtk.vtkPolyData:
    """The surface of one mask in voxel coordinates of the full grid."""
    padded = np.pad(mask, 1).astype(np.uint8)
    image = vtk.vtkImageData()
    image.SetDimensions(*padded.shape)
    image.SetOrigin(*(start - 1 for start in corner))
    scalars = numpy_support.numpy_to_vtk(padded.ravel(order="F"), deep=True)
    image.GetPointData().SetScalars(scalars)
    edges = vtk.vtkDiscreteFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 1)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    return edges.GetOutput()


def _transform(affine: np.ndarray) -> vtk.vtkTransform:
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(affine.ravel().tolist())
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix)
    return transform
