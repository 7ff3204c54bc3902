"""A cohort as nnU-Net's raw data: numbers, what is ignored, what is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.collections import Annotation
from Backend.cotraining.tiny_cohort import write_case, write_config

BOTH, LIVER = frozenset({"liver", "kidney"}), frozenset({"liver"})


def test_what_a_case_is_not_annotated_for_is_ignored_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write_case(tmp_path, "whole", 0, tumor=True)
    partial = replace(
        write_case(tmp_path, "partial", 0, tumor=True), annotated=Annotation(LIVER, LIVER)
    )
    empty = replace(write_case(tmp_path, "empty", 2, tumor=False), annotated=Annotation(BOTH))
    config = write_config(tmp_path, [whole, partial, empty])

    code = main(["train", str(config), "--export-nnunet", str(tmp_path / "raw")])

    assert code == 0
    assert "Skipped empty: Nothing is outlined" in capsys.readouterr().err
    [folder] = (tmp_path / "raw").iterdir()
    described = json.loads((folder / "dataset.json").read_text())
    numbers = described["labels"]
    assert sorted(numbers.values()) == list(range(7))
    assert numbers["ignore"] == 6
    assert described["numTraining"] == 2
    first, second = (
        np.asarray(nibabel.load(folder / "labelsTr" / f"{name}.nii.gz").dataobj)
        for name in ("whole", "partial")
    )
    assert set(np.unique(first)) == {
        numbers[name] for name in ("background", "liver", "kidney_left", "liver_lesion")
    }
    assert set(np.unique(second)) == {numbers[name] for name in ("liver", "liver_lesion", "ignore")}
    known = np.isin(first, [numbers["liver"], numbers["liver_lesion"]])
    assert ((second == 6) == ~known).all()
    scan = nibabel.load(folder / "imagesTr" / "whole_0000.nii.gz")
    assert np.array_equal(scan.dataobj, nibabel.load(whole.scan).dataobj)
