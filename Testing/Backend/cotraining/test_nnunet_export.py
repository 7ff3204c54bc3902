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
from atlastumor.cotraining.nnunet_export import _make_table
from Backend.cotraining.tiny_cohort import AFFINE, write_case, write_config

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


def test_tumors_that_nobody_looked_for_are_no_class(tmp_path: Path) -> None:
    cases = [
        replace(write_case(tmp_path, name, 0, tumor=True), annotated=known)
        for name, known in (("a", Annotation(BOTH, LIVER)), ("b", Annotation(BOTH, LIVER)))
    ]
    config = write_config(tmp_path, cases)

    code = main(["train", str(config), "--export-nnunet", str(tmp_path / "raw")])

    assert code == 0
    [folder] = (tmp_path / "raw").iterdir()
    numbers = json.loads((folder / "dataset.json").read_text())["labels"]
    assert numbers == {
        "background": 0,
        "kidney_left": 1,
        "kidney_right": 2,
        "liver": 3,
        "liver_lesion": 4,
        "ignore": 5,
    }
    drawn = np.asarray(nibabel.load(cases[0].labels[0].path).dataobj)
    written = np.asarray(nibabel.load(folder / "labelsTr" / "a.nii.gz").dataobj)
    assert np.array_equal(written, np.array([0, 3, 1, 4])[drawn])


def test_tumors_without_a_class_are_their_organ_or_of_no_known_half() -> None:
    known = Annotation(BOTH)

    table = _make_table(known, known)

    assert table[[0, 3, 4, 5]].tolist() == [0, 1, 2, 3]
    assert table[27] == 3
    assert table[29] == 4  # ignore


def test_half_an_organ_is_no_place_without_tumors_where_nobody_looked_for_them() -> None:
    learnable = Annotation(tumors=frozenset({"kidney"}))  # of no case both kidneys are outlined

    searched, drawn = (_make_table(known, learnable) for known in (learnable, Annotation()))

    assert searched[[0, 3, 29]].tolist() == [0, 0, 1]
    assert drawn[[0, 3, 29]].tolist() == [2, 2, 1]  # 2 is ignored


def test_an_organ_that_no_case_is_annotated_for_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [write_case(tmp_path, "one", 0, tumor=True)]
    config = write_config(tmp_path, cases, organs=["liver", "pancreas"])

    code = main(["train", str(config), "--export-nnunet", str(tmp_path / "raw")])

    assert code == 3
    assert "No training case is annotated for pancreas" in capsys.readouterr().err


def test_an_export_that_fails_leaves_nothing_and_the_next_one_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = write_case(tmp_path, "one", 0, tumor=True)
    whole = case.scan.read_bytes()
    case.scan.write_bytes(whole[:1000])
    command = ["train", str(write_config(tmp_path, [case])), "--export-nnunet", str(tmp_path / "r")]

    failed = main(command)
    left = list((tmp_path / "r").rglob("*"))
    case.scan.write_bytes(whole)
    worked = main(command)
    again = main(command)

    assert failed == 3
    assert left == []
    assert worked == 0
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["Dataset901_AtlasTumorCohort"]
    assert again != 0
    assert "is there already. Name another folder, or remove it." in capsys.readouterr().err


def test_two_cases_that_would_be_one_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_case(tmp_path, "one", 0, tumor=True)
    cases = [replace(one, id="a/b"), replace(one, id="a_b")]
    config = write_config(tmp_path, cases)

    code = main(["train", str(config), "--export-nnunet", str(tmp_path / "raw")])

    assert code == 3
    assert "'a/b' and 'a_b' would both be written as 'a_b'" in capsys.readouterr().err
    assert not (tmp_path / "raw").exists()


def test_a_case_with_empty_labels_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [write_case(tmp_path, name, 0, tumor=True) for name in ("one", "empty")]
    blank = np.zeros((40, 40, 40), np.uint8)
    nibabel.save(nibabel.Nifti1Image(blank, AFFINE), cases[1].labels[0].path)
    config = write_config(tmp_path, cases)

    code = main(["train", str(config), "--export-nnunet", str(tmp_path / "raw")])

    assert code == 0
    assert "Skipped empty: Its labels are empty" in capsys.readouterr().err
