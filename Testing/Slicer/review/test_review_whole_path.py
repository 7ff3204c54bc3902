"""The whole path through the real module: a curve, a threshold, candidates, review, truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.organs import ORGANS, find_organ
from Slicer.froc_cohort import LIVER, PANCREAS, draw
from Slicer.review.reading import press

LESIONS = dict(zip((ORGANS[0].key, ORGANS[1].key), (LIVER, PANCREAS), strict=True))


def lesion_voxels(organ: str, case: str) -> np.ndarray:
    """The reference of a case, (I, J, K)."""
    lesions, others = LESIONS[organ].get(case, ((), ()))
    return draw(lesions, others)[1].astype(bool)


@pytest.mark.slow
def test_from_the_curve_to_the_reviewed_truth(
    an_open_cohort: Any, a_measured_cohort: Any, tmp_path: Path, wait_for: Any
) -> None:
    logic, review = an_open_cohort.logic, an_open_cohort.widget.review
    logic.workerCommand = ["-m", "atlastumor"]
    for organ in logic.cohort.organs:
        logic.setOrgan(organ)
        logic.setThreshold(logic.curve.chooseSensitivity(0.9).point.threshold)
    ui = review.ui
    ui.readerLineEdit.text = "Ada"
    ui.predictionsPathLineEdit.currentPath = str(a_measured_cohort.predictions)
    ui.scansPathLineEdit.currentPath = str(a_measured_cohort.references)
    ui.reviewPathLineEdit.currentPath = str(tmp_path / "review")
    ui.beginButton.click()

    n_scans = 0
    while "Every scan is finished" not in ui.statusLabel.text:
        n_scans += 1
        for item in review.session.items:
            truth = lesion_voxels(item.organ, review.session.scan.name)
            press(review, "A" if truth[item.voxel] else "R")
        press(review, "N")
    ui.truthPathLineEdit.currentPath = str(tmp_path / "truth")
    ui.exportButton.click()
    wait_for(lambda: ui.exportButton.text == "Export finished scans")

    assert n_scans == len(LIVER)
    assert f"{n_scans} scans exported" in ui.exportLabel.text
    for case in LIVER:
        path = tmp_path / "truth" / case / "labels.nii.gz"
        labels = np.asarray(nibabel.load(path).dataobj)
        for organ in LESIONS:
            found = labels == find_organ(organ).tumor_label
            assert (found == lesion_voxels(organ, case)).all(), (case, organ)
    assert f"median of {n_scans}" in ui.timesLabel.text
