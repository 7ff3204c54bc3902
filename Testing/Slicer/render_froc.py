"""Render the pictures of AtlasFROC in `Resources/Screenshots` on the test host.

    python Testing/Slicer/render_froc.py [--cases N] [--cohort PREDICTIONS REFERENCES]

Without a cohort, phantoms are made, and maps are drawn over their liver tumors: some high, some
low, with false ones elsewhere in the liver. Every picture says so, and that it is no screenshot of
Slicer.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent))

from render_screenshots import REPOSITORY, SCREENSHOTS, beside, pictures_of_views, save

from atlastumor.cli import main as run_command
from atlastumor.organs import ORGANS
from atlastumor.phantom import DEMO_SEED, make_phantom
from atlastumor.results.phantom import write_phantom

LIVER = ORGANS[0]
FALSE_ONES = 3


def main() -> None:
    """Measure the cohort, choose a threshold, open its first case, save what is seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--cohort", type=Path, nargs=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    predictions, references = options.cohort or make_cohort(folder, options.cases)
    results = folder / "results"
    words = ["froc", str(predictions), str(references), "-o", str(results), "--no-figures"]
    if run_command([*words, "--workers", "1", "--data-set", "phantoms"]):
        raise RuntimeError("atlastumor froc failed")
    from host.session import start

    session = start()
    panel = session.load(REPOSITORY / "AtlasFROC" / "AtlasFROC.py").widgetRepresentation()
    panel.enter()
    panel.resize(440, 1200)
    panel.show()
    session.application.processEvents()
    ras = show(panel.self(), predictions, references, results)
    what = "maps as given" if options.cohort else "maps drawn over the truth, no model's"
    caption = f"Test-host picture, not a screenshot of Slicer. Digital phantoms; {what}."
    save(picture_of(panel), SCREENSHOTS / "AtlasFROC-panel.png", caption)
    save(pictures_of_views(ras), SCREENSHOTS / "AtlasFROC-views.png", caption)
    if session.errors() or session.user.seen:
        raise RuntimeError(f"{session.errors()} {session.user.seen}")


def make_cohort(folder: Path, n_cases: int) -> tuple[Path, Path]:
    """Make phantoms and draw a map for each."""
    predictions, references = folder / "predictions", folder / "references"
    references.mkdir()
    for number in range(n_cases):
        name = f"phantom-{number + 1}"
        write_phantom(make_phantom(DEMO_SEED + number), references / name)
        labels = nib.load(references / name / "labels.nii.gz")
        probability = draw_map(np.asarray(labels.dataobj), np.random.default_rng(number))
        path = predictions / name / "probabilities" / f"{LIVER.key}_tumor.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(probability, labels.affine), path)
    return predictions, references


def draw_map(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw a probability (I, J, K): hills over the liver's tumors and over a few other places."""
    tumors, n_tumors = ndimage.label(labels == LIVER.tumor_label)
    probability = np.zeros(labels.shape, np.float32)
    for number in range(1, n_tumors + 1):
        hill = ndimage.gaussian_filter((tumors == number).astype(np.float32), 1.5)
        hill /= hill.max()
        probability = np.maximum(probability, hill * np.float32(generator.uniform(0.35, 1.0)))
    liver = np.argwhere(ndimage.binary_erosion(np.isin(labels, LIVER.labels), iterations=3))
    for center in liver[generator.integers(len(liver), size=FALSE_ONES)]:
        point = np.zeros(labels.shape, np.float32)
        point[tuple(center)] = 1.0
        hill = ndimage.gaussian_filter(point, generator.uniform(1.5, 3.0))
        hill /= hill.max()
        probability = np.maximum(probability, hill * np.float32(generator.uniform(0.1, 0.8)))
    return probability


def show(
    widget: Any, predictions: Path, references: Path, results: Path
) -> tuple[float, float, float]:
    """Open the results and the case with the most candidates; gives where its largest lesion is."""
    parameters = widget._parameterNode
    parameters.predictions, parameters.references = str(predictions), str(references)
    parameters.results = str(results)
    widget.ui.openButton.click()
    widget.logic.computeBands()
    widget.ui.sensitivityButton.click()
    counts = widget.logic.curve.countCases()
    row = max(range(len(counts)), key=lambda n: counts[n].nFound + counts[n].nFalse)
    widget.ui.casesTable.cellClicked.emit(row, 0)
    widget.logic.view.updateSurfaces()
    case = widget.logic.case
    largest = max(case.lesions.lesions, key=lambda lesion: lesion.volume_ml)
    for name in ("predictions", "references", "results"):  # folders of this machine say nothing
        getattr(widget.ui, f"{name}PathLineEdit").currentPath = name
    return case.toWorld(largest.center_ijk)


def picture_of(panel: Any, *, columns: int = 2) -> Any:
    """The panel in one column or two: cohort and threshold, then cases and review."""
    import slicer
    from host.views import grab_widget
    from PIL import Image

    for _ in range(2):  # tabs and wrapped labels ask for more room once they are there
        slicer.app.processEvents()
        panel.resize(panel.width, panel.layout().totalHeightForWidth(panel.width))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.png"
        grab_widget(panel, path)
        whole = Image.open(path).convert("RGB")
    if columns == 1:
        return whole
    split = panel.self().ui.casesCollapsibleButton.y * whole.height // panel.height
    parts = (0, 0, whole.width, split), (0, split, whole.width, whole.height)
    return beside([whole.crop(part) for part in parts])


if __name__ == "__main__":
    main()
