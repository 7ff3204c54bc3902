"""Render the pictures of AtlasTumorSynth in `Resources/Screenshots` on the test host.

    python Testing/Slicer/render_synth.py

A phantom's own labels are the organs. Tumors are clicked into its liver and kidney with the real
worker. Every picture says that it is no screenshot of Slicer.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent))

from render_froc import picture_of
from render_screenshots import GAP, REPOSITORY, SCREENSHOTS, beside, save

from atlastumor.organs import ORGANS, label_names
from atlastumor.phantom import DEMO_SEED, make_phantom
from atlastumor.results.phantom import write_phantom

VIEWS = SCREENSHOTS / "AtlasTumorSynth-views.png"
CAPTION = "Test-host picture, not a screenshot of Slicer."
WHAT = "Digital phantom: before, and with a synthetic tumor in the liver (preview)."
WIDE, NARROW = 760, 380
CLICKS = ((ORGANS[2], 18.0), (ORGANS[0], 34.0))
"""Organ and diameter in mm; the last one stays a preview and is what the views show."""


def main() -> None:
    """Click tumors into a phantom and save what is seen."""
    from host.session import start

    folder = Path(tempfile.mkdtemp()) / "phantom"
    write_phantom(make_phantom(DEMO_SEED), folder)
    session = start()
    scan, labels, affine = load(folder)
    session.load(REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSeg.py")
    panel = session.load(REPOSITORY / "AtlasTumorSynth" / "AtlasTumorSynth.py")
    panel = panel.widgetRepresentation()
    panel.enter()
    panel.resize(440, 900)
    panel.show()
    session.application.processEvents()
    widget = panel.self()
    widget.ui.organsSelector.setCurrentNode(add_organs(scan, labels))
    for number, (organ, diameter_mm) in enumerate(CLICKS):
        if number:
            widget.ui.keepButton.click()
        ras = middle_of(labels, organ, affine)
        grow(session, widget, ras, diameter_mm)
    center = widget.logic.state.preview[0].centerRas
    save(picture_of(panel, columns=1), SCREENSHOTS / "AtlasTumorSynth-panel.png", CAPTION)
    save(before_and_after(widget, center), VIEWS, f"{CAPTION} {WHAT}")
    widget.cleanup()
    if session.errors() or session.user.seen:
        raise RuntimeError(f"{session.errors()} {session.user.seen}")


def load(folder: Path) -> tuple[Any, np.ndarray, np.ndarray]:
    """The phantom's scan as a node, its labels (I, J, K) and their affine."""
    import slicer

    scan = slicer.util.loadVolume(str(folder / "ct.nii.gz"), properties={"name": "Phantom"})
    scan.GetDisplayNode().SetAutoWindowLevel(0)
    scan.GetDisplayNode().SetWindowLevel(400, 40)
    slicer.util.setSliceViewerLayers(background=scan, fit=True)
    image = nib.load(folder / "labels.nii.gz")
    return scan, np.asarray(image.dataobj), image.affine


def add_organs(scan: Any, labels: np.ndarray) -> Any:
    """The phantom's labels as a segmentation that is not shown."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Phantom organs")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(scan)
    for label, name in label_names().items():
        if (labels == label).any():
            segment = node.GetSegmentation().AddEmptySegment("", name)
            mask = np.ascontiguousarray((labels == label).T).astype(np.uint8)
            slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment, scan)
    node.GetDisplayNode().SetVisibility(False)
    return node


def middle_of(labels: np.ndarray, organ: Any, affine: np.ndarray) -> tuple[float, float, float]:
    """The deepest point of an organ, RAS mm."""
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    depth = ndimage.distance_transform_edt(np.isin(labels, organ.labels), spacing_mm)
    voxel = np.unravel_index(int(np.argmax(depth)), depth.shape)
    r, a, s = (affine @ (*voxel, 1.0))[:3]
    return float(r), float(a), float(s)


def grow(session: Any, widget: Any, ras: tuple[float, float, float], diameter_mm: float) -> None:
    """Click and wait for the preview."""
    from host.clicks import click_slice

    widget.ui.diameterSlider.value = diameter_mm
    widget.ui.placeButton.click()
    click_slice("Red", ras)
    while widget._patience.isActive() or widget.logic.isBusy:
        session.application.processEvents()


def before_and_after(widget: Any, ras: tuple[float, float, float]) -> Any:
    """Axial, coronal and sagittal view, above without and below with the tumor."""
    from PIL import Image

    rows = []
    for is_before in (True, False):
        widget.ui.beforeButton.checked = is_before
        rows.append(beside([picture_around(name, ras) for name in ("Red", "Green", "Yellow")]))
    page = Image.new("RGB", (rows[0].width, 2 * NARROW + GAP), "white")
    for number, row in enumerate(rows):
        page.paste(row, (0, number * (NARROW + GAP)))
    return page


def picture_around(name: str, ras: tuple[float, float, float]) -> Any:
    """The part of a slice view around a point."""
    from host.views import draw_slice, slice_pixel
    from PIL import Image

    picture = draw_slice(name, size=(WIDE, WIDE), through=ras)
    row, column = (min(max(x - NARROW // 2, 0), WIDE - NARROW) for x in slice_pixel(name, ras))
    return Image.fromarray(picture[row : row + NARROW, column : column + NARROW])


if __name__ == "__main__":
    main()
