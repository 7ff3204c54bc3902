"""Render the pictures of `Resources/Screenshots` on the test host.

    python Testing/Slicer/render_screenshots.py [PHANTOM_FOLDER] [--truth | --cohort]

`PHANTOM_FOLDER` is what `atlastumor phantom` wrote; without it the phantom of the demonstration is
made. The real worker segments its scan; `--truth` shows the phantom's own labels instead. The tab
for cohorts is drawn with made-up cases; `--cohort` draws nothing else. Every picture says which,
and that it is no screenshot of Slicer.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

REPOSITORY = Path(__file__).resolve().parents[2]
SCREENSHOTS = REPOSITORY / "Resources" / "Screenshots"
THUMBNAIL = REPOSITORY / "AtlasTumorSeg" / "Resources" / "Icons" / "AtlasTumorPhantom.png"
for name in ("Testing/Host", "AtlasTumorLib"):
    sys.path.insert(0, str(REPOSITORY / name))

from host.session import start  # noqa: E402 - found only after the lines above
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from atlastumor.phantom import DEMO_SEED, make_phantom  # noqa: E402
from atlastumor.results.phantom import write_phantom  # noqa: E402

VIEW = 460
GAP = 8
CAPTION = 26


def main() -> None:
    """Run the module on the phantom and save what is seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantom", type=Path, nargs="?")
    parser.add_argument("--truth", action="store_true")
    parser.add_argument("--cohort", action="store_true")
    options = parser.parse_args()
    if options.cohort:
        draw_cohort(start())
        return
    if options.phantom is None:
        options.phantom = Path(tempfile.mkdtemp()) / "phantom"
        write_phantom(make_phantom(DEMO_SEED), options.phantom)
    session = start()
    panel = session.load(REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSeg.py").widgetRepresentation()
    widget = panel.self()
    panel.enter()
    what = "the phantom's own labels" if options.truth else "found by the embedded model"
    if options.truth:
        os.environ["ATLASTUMOR_TRUTH"] = str(options.phantom / "labels.nii.gz")
        widget.logic.workerCommand = [str(Path(__file__).with_name("truth_worker.py"))]
    ras = run(session, widget, options.phantom / "ct.nii.gz")
    caption = f"Test-host picture, not a screenshot of Slicer. Digital phantom; outlines: {what}."
    save(picture_of(panel, widget), SCREENSHOTS / "AtlasTumorSeg-panel.png", caption)
    save(pictures_of_views(ras), SCREENSHOTS / "AtlasTumorSeg-views.png", caption)
    session.reset()
    draw_cohort(session)
    if session.errors():
        raise RuntimeError("\n".join(session.errors()))


def draw_cohort(session: Any) -> None:
    """Save the tab for cohorts with made-up cases, as in the middle of a run."""
    from host.views import grab_widget

    panel = session.load(REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSeg.py").widgetRepresentation()
    widget = panel.self()
    panel.enter()
    widget.ui.taskTabWidget.currentIndex = 1
    cohort = widget._cohort
    cohort.choices.inputs.addPaths(["/data/hospital-a", "/data/hospital-b/manifest.csv"])
    widget.ui.cohortFolderPathLineEdit.currentPath = "/data/results"
    cohort._controls.showBusy("")
    cohort._update()
    cohort.table.setCases(make_cases())
    cohort._controls.showProgress(7 / 200, "7 of 200 cases, 1 failed, done about 02:40", None)
    session.application.processEvents()
    panel.resize(430, panel.sizeHint.height())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.png"
        grab_widget(panel, path)
        caption = "Test-host picture, not a screenshot of Slicer. Cases are made up."
        save(Image.open(path).convert("RGB"), SCREENSHOTS / "AtlasTumorSeg-cohort.png", caption)


def make_cases() -> list[Any]:
    """200 cases, of which some are done and one has failed."""
    from AtlasTumorSegLib.CohortCases import DONE, FAILED, WAITING, CaseRow

    from atlastumor.organs import KEYS

    found = ({KEYS[0]: 2}, {}, {KEYS[2]: 1}, {KEYS[0]: 1, KEYS[1]: 1}, {}, {}, {KEYS[3]: 1})
    reason = "The scan has only 5 slices; at least 8 are needed. Load the whole series."
    cases = [
        CaseRow(f"a-{n:04d}", DONE, seconds=41.0 + 3 * n, lesions=lesions)
        for n, lesions in enumerate(found)
    ]
    cases[4] = CaseRow("a-0004", FAILED, reason=reason)
    return cases + [CaseRow(f"a-{n:04d}", WAITING) for n in range(len(cases), 200)]


def run(session: Any, widget: Any, path: Path) -> tuple[float, float, float]:
    """Load the scan, press Apply, wait, choose the largest lesion; gives where it lies."""
    import slicer

    from AtlasTumorSlicer.Tables import readRows

    scan = slicer.util.loadVolume(str(path), properties={"name": "Phantom"})
    scan.GetDisplayNode().SetAutoWindowLevel(0)
    scan.GetDisplayNode().SetWindowLevel(400, 40)
    slicer.util.setSliceViewerLayers(background=scan)
    thumbnail(scan)
    widget.ui.inputSelector.setCurrentNode(scan)
    widget.installer.ensure = lambda: None  # the checkout's own packages serve
    widget.ui.applyButton.click()
    while widget.ui.applyButton.text != "Apply":
        session.application.processEvents()
    if session.user.seen:
        raise RuntimeError(str(session.user.seen))
    widget.ui.outputSelector.currentNode().CreateClosedSurfaceRepresentation()
    table = widget.ui.lesionTable
    largest = max(
        range(table.rowCount), key=lambda row: float(table.item(row, 2).text().split()[0])
    )
    table.setCurrentCell(largest, 0)
    return readRows(widget._parameterNode.lesionTable)[largest].lesion.ras


def thumbnail(scan: Any) -> None:
    """Save the picture of the Sample Data entry, which Slicer wants at about 260 x 280."""
    from host.views import draw_slice

    Image.fromarray(draw_slice("Green", size=(260, 280))).save(THUMBNAIL, optimize=True)
    assert scan is not None


def picture_of(panel: Any, widget: Any) -> Image.Image:
    """The panel with and without the Advanced section, side by side."""
    from host.views import grab_widget

    both = []
    for is_collapsed in (True, False):
        widget.ui.advancedCollapsibleButton.collapsed = is_collapsed
        panel.resize(430, panel.sizeHint.height())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "panel.png"
            grab_widget(panel, path)
            both.append(Image.open(path).convert("RGB"))
    return beside(both)


def pictures_of_views(ras: tuple[float, float, float]) -> Image.Image:
    """Axial, coronal, sagittal and 3-D at the chosen lesion."""
    from host.views import draw_3d

    views = [picture_of_view(name, ras) for name in ("Red", "Green", "Yellow")]
    four = [*views, Image.fromarray(draw_3d(size=(VIEW, VIEW)))]
    rows = [beside(four[:2]), beside(four[2:])]
    page = Image.new("RGB", (rows[0].width, 2 * VIEW + GAP), "white")
    for number, row in enumerate(rows):
        page.paste(row, (0, number * (VIEW + GAP)))
    return page


def picture_of_view(name: str, ras: tuple[float, float, float]) -> Image.Image:
    """One slice view through a point."""
    from host.views import draw_slice

    return Image.fromarray(draw_slice(name, size=(VIEW, VIEW), through=ras))


def beside(pictures: list[Image.Image]) -> Image.Image:
    """Put pictures next to each other, tops aligned."""
    width = sum(one.width for one in pictures) + GAP * (len(pictures) - 1)
    page = Image.new("RGB", (width, max(one.height for one in pictures)), "white")
    x = 0
    for one in pictures:
        page.paste(one, (x, 0))
        x += one.width + GAP
    return page


def save(picture: Image.Image, path: Path, caption: str) -> None:
    """Save a picture with its caption below."""
    page = Image.new("RGB", (picture.width, picture.height + CAPTION), "white")
    page.paste(picture, (0, 0))
    font = ImageFont.load_default(size=13)
    ImageDraw.Draw(page).text((GAP, picture.height + 5), caption, fill="black", font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, optimize=True)


if __name__ == "__main__":
    main()
