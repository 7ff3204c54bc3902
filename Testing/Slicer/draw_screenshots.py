"""Redraw `Resources/Screenshots`: a phantom, segmented through the panel, drawn by the test host.

`make screenshots` runs it. The pictures are the test host's and say so; a screenshot of Slicer they
are not.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSeg.py"
SCREENSHOTS = REPOSITORY / "Resources" / "Screenshots"
VIEW = (420, 380)
PANEL = (420, 2 * VIEW[1])
CAPTION = "AtlasTumorSeg on a digital phantom; drawn by the test host"

sys.path[:0] = [
    str(REPOSITORY / "Testing" / "Host"),
    str(MODULE.parent),
    str(MODULE.parents[1] / "AtlasTumorLib"),
]


def press_apply(session: Any, panel: Any) -> None:
    """Press Apply and wait, as the application does, until the result is there."""
    panel.ui.applyButton.click()
    while panel.logic.isRunning:
        session.application.processEvents()
        time.sleep(0.01)
    session.application.processEvents()
    if session.errors():
        sys.exit("\n".join(session.errors()))


def draw_views(folder: Path, ras: tuple[float, float, float]) -> list[Path]:
    """Draw the axial, coronal and sagittal slices through a point, and the surfaces."""
    from host.views import draw_3d, draw_slice, save_png

    names = ("Red", "Green", "Yellow")
    pictures = {name: draw_slice(name, size=VIEW, through=ras) for name in names}
    pictures["3D"] = draw_3d(size=VIEW)
    for name, picture in pictures.items():
        save_png(picture, folder / f"AtlasTumorSeg-{name}.png")
    return [folder / f"AtlasTumorSeg-{name}.png" for name in pictures]


def compose(panel: Path, views: list[Path], to: Path) -> None:
    """Put the panel to the left of the four views, with a caption below."""
    width, height = PANEL[0] + 2 * VIEW[0], PANEL[1] + 24
    sheet = Image.new("RGB", (width, height), "white")
    with Image.open(panel) as picture:
        sheet.paste(picture.crop((0, 0, *PANEL)), (0, 0))
    for n, path in enumerate(views):
        with Image.open(path) as picture:
            sheet.paste(picture, (PANEL[0] + n % 2 * VIEW[0], n // 2 * VIEW[1]))
    ImageDraw.Draw(sheet).text((8, height - 18), CAPTION, fill="black")
    sheet.quantize(256).save(to, optimize=True)


def main() -> None:
    """Draw everything anew."""
    from host.session import start
    from host.views import grab_widget

    session = start()
    module = session.load(MODULE)
    import slicer
    from AtlasTumorSegLib.Samples import makePhantom

    widget = module.widgetRepresentation()
    panel = widget.self()
    slicer.util.setSliceViewerLayers(background=makePhantom())
    panel.initializeParameterNode()
    press_apply(session, panel)
    segmentation = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateClosedSurfaceRepresentation()
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    SCREENSHOTS.mkdir(exist_ok=True)
    views = draw_views(SCREENSHOTS, segmentation.GetSegmentCenterRAS(ids[-1]))
    widget.resize(*PANEL)
    grab_widget(widget, SCREENSHOTS / "AtlasTumorSeg-panel.png")
    compose(SCREENSHOTS / "AtlasTumorSeg-panel.png", views, SCREENSHOTS / "AtlasTumorSeg.png")


if __name__ == "__main__":
    main()
