"""Every layout: what its cases are, what is annotated in them, and their labels in our numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlastumor.collections import UNKNOWN, read_collection, recognize_collection
from atlastumor.errors import InputError, UnknownKeyError
from Backend.collections import data_sets as made
from Backend.collections.data_sets import (
    ESOPHAGUS,
    KIDNEY_TUMOR,
    LEFT,
    LIVER,
    LIVER_TUMOR,
    PANCREAS,
    PANCREAS_TUMOR,
    RIGHT,
    annotation,
    keep,
    loaded,
    ours,
)


def test_the_decathlon_annotates_the_organ_of_its_task_and_its_tumors(tmp_path: Path) -> None:
    folder = made.write_msd(tmp_path)

    found = read_collection(folder)

    assert recognize_collection(folder) == "msd"
    assert [case.id for case in found.cases] == ["pancreas_001", "pancreas_004"]
    assert found.cases[0].annotated == annotation("pancreas", "pancreas")
    assert np.array_equal(loaded(found.cases[0]), keep(PANCREAS, PANCREAS_TUMOR))
    assert not found.problems


def test_regions_of_nnunet_are_read_from_the_whole_to_its_parts(tmp_path: Path) -> None:
    folder = made.write_nnunet(tmp_path)

    (case,) = read_collection(folder).cases

    expected = keep(LEFT, RIGHT, KIDNEY_TUMOR)
    expected[0, 0, 0] = UNKNOWN
    assert recognize_collection(folder) == "nnunet"
    assert case.id == "case_0001"
    assert case.annotated == annotation("kidney", "kidney")
    assert np.array_equal(loaded(case), expected)


def test_nnunet_may_name_files_that_lie_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "Dataset300_Liver"
    made.save_scan(tmp_path / "elsewhere/scan.nii.gz")
    made.save(tmp_path / "elsewhere/label.nii.gz", made.translate(ours(), {LIVER: 1}))
    files = {"images": ["../elsewhere/scan.nii.gz"], "label": "../elsewhere/label.nii.gz"}
    document = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}}
    made.save_json(folder / "dataset.json", {**document, "dataset": {"one": files}})

    (case,) = read_collection(folder).cases

    assert case.annotated == annotation("liver")
    assert np.array_equal(loaded(case), keep(LIVER))


def test_kits_tells_no_sides_and_its_cysts_are_lesions(tmp_path: Path) -> None:
    folder = made.write_kits(tmp_path)

    found = read_collection(folder)

    assert recognize_collection(folder) == "kits"
    assert [case.id for case in found.cases] == ["case_00000", "case_00001"]
    for case in found.cases:
        assert case.annotated == annotation("kidney", "kidney")
        assert np.array_equal(loaded(case), keep(LEFT, RIGHT, KIDNEY_TUMOR))


def test_lits_comes_in_batches(tmp_path: Path) -> None:
    folder = made.write_lits(tmp_path)

    found = read_collection(folder)

    assert recognize_collection(folder) == "lits"
    assert [case.id for case in found.cases] == ["volume-28", "volume-3"]
    assert found.cases[0].annotated == annotation("liver", "liver")
    assert np.array_equal(loaded(found.cases[0]), keep(LIVER, LIVER_TUMOR))


@pytest.mark.parametrize(
    ("year", "organs", "labels"),
    [
        ("flare21", "liver kidney pancreas", (LIVER, LEFT, RIGHT, PANCREAS)),
        (
            "flare22",
            "liver kidney pancreas esophagus",
            (LIVER, LEFT, RIGHT, PANCREAS, ESOPHAGUS),
        ),
    ],
)
def test_flare_outlines_organs_and_no_tumors(
    tmp_path: Path, year: str, organs: str, labels: tuple[int, ...]
) -> None:
    folder = made.write_flare(tmp_path, year)

    (case,) = read_collection(folder).cases

    assert recognize_collection(folder) == year
    assert case.annotated == annotation(organs)
    assert np.array_equal(loaded(case), keep(*labels, tumors=False))


def test_flare_2023_is_known_where_it_speaks_and_names_no_organ_of_a_tumor(tmp_path: Path) -> None:
    folder = made.write_flare(tmp_path, "flare23")

    found = read_collection(folder)

    labels = loaded(found.cases[0])
    assert recognize_collection(folder) == "flare23"
    assert found.cases[0].annotated == annotation("liver")
    assert np.array_equal(labels == UNKNOWN, np.isin(ours(), (LIVER_TUMOR, KIDNEY_TUMOR)))
    assert "does not say which" in found.notes[0]
    assert "without an organ" in found.notes[0]


def test_half_of_the_kidneys_is_no_annotation_of_them_in_flare_2023(tmp_path: Path) -> None:
    folder = made.write_flare(tmp_path, "flare23")
    made.save(folder / "labelsTr2200/FLARE23_0001.nii.gz", made.translate(ours(), {RIGHT: 2}))

    assert read_collection(folder).cases[0].annotated == annotation()


def test_amos_leaves_out_mr_and_takes_a_prostate_for_no_uterus(tmp_path: Path) -> None:
    folder = made.write_amos(tmp_path)

    found = read_collection(folder)

    assert recognize_collection(folder) == "amos"
    assert [case.id for case in found.cases] == ["amos_0001", "amos_0008"]
    assert found.cases[0].annotated == annotation("liver kidney pancreas esophagus")
    expected = keep(LIVER, LEFT, RIGHT, PANCREAS, ESOPHAGUS, tumors=False)
    expected[0, 0, 0] = 0
    assert np.array_equal(loaded(found.cases[0]), expected)
    assert [(one.case, "MR" in one.message) for one in found.problems] == [("amos_0507", True)]


def test_a_box_of_uls_knows_its_lesion_and_nothing_around_it(tmp_path: Path) -> None:
    folder = made.write_uls(tmp_path)

    found = read_collection(folder)

    kidney, pancreas = sorted(found.cases, key=lambda case: case.id.lower())
    assert recognize_collection(folder) == "uls23"
    assert kidney.id == "kits21/kidney21_case_00000_lesion_01_sample_0"
    assert kidney.annotated == annotation("", "kidney")
    assert pancreas.annotated == annotation("", "pancreas")
    expected = np.where(ours() == KIDNEY_TUMOR, KIDNEY_TUMOR, UNKNOWN)
    assert np.array_equal(loaded(kidney), expected)
    assert any("LIDC" in note and "no organ" in note for note in found.notes)
    assert any("DeepLesion" in note for note in found.notes)
    assert any("Boxes of one scan count as scans of their own" in note for note in found.notes)


def test_endings_in_capitals_are_endings(tmp_path: Path) -> None:
    folder = made.write_msd(tmp_path)
    for path in folder.glob("*Tr/pancreas_001.nii.gz"):
        path.rename(path.with_name("pancreas_001.NII.GZ"))

    cases = read_collection(folder).cases

    assert [case.id for case in cases] == ["pancreas_001", "pancreas_004"]
    assert np.array_equal(loaded(cases[0]), keep(PANCREAS, PANCREAS_TUMOR))


def test_what_a_mac_packs_beside_the_data_is_no_data(tmp_path: Path) -> None:
    folder = made.write_uls(tmp_path)
    copy = folder / "__MACOSX/novel_data/ULS23_Radboudumc_Pancreas"
    for name in ("images", "labels"):
        (copy / name).mkdir(parents=True)
        (copy / name / "._diag_pancreas_0004_lesion_01.nii.gz").write_bytes(b"\0Mac OS X")

    assert len(read_collection(folder).cases) == 2


# What is no collection.


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no case"):
        read_collection(tmp_path)


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownKeyError, match="abdomenatlas, amos, flare21"):
        read_collection(tmp_path, "btcv")


def test_a_file_is_no_collection(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match="is a file; name the folder"):
        read_collection(tmp_path / "file")


def test_a_kind_can_be_forced_on_a_folder_whose_files_have_other_names(tmp_path: Path) -> None:
    made.save_scan(tmp_path / "images/patient7.nii.gz")
    theirs = made.translate(ours(tumors=False), made.FLARE)
    made.save(tmp_path / "labels/patient7.nii.gz", theirs)

    assert read_collection(tmp_path, "amos").cases[0].id == "patient7"
    (case,) = read_collection(tmp_path, "flare22").cases

    assert case.annotated == annotation("liver kidney pancreas esophagus")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": {"0": "background", "1": "spleen"}}, "None of the data set's labels"),
        ({"labels": {"0": "background", "one": "liver"}}, "no names and numbers"),
        ({"labels": {"background": 0, "liver": 256}}, "numbers from 0 to 255"),
        ({"labels": {"background": 0, "liver": 1.5}}, "numbers from 0 to 255"),
        ({"labels": {"background": 0, "liver": [1, True]}}, "numbers from 0 to 255"),
        ({"labels": []}, "names no labels"),
        ({"modality": {"0": "FLAIR", "1": "T1w"}}, r"2 channels \(FLAIR, T1w\)"),
        ({"file_ending": ".nrrd"}, r"of '\.nrrd' files"),
    ],
)
def test_a_data_set_that_is_nothing_for_us_says_why(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    folder = made.write_msd(tmp_path)
    made.save_json(folder / "dataset.json", {**made.MSD_PANCREAS, **change})

    with pytest.raises(InputError, match=said):
        read_collection(folder)


def test_a_scan_under_two_names_of_one_case_is_no_silent_choice(tmp_path: Path) -> None:
    folder = made.write_msd(tmp_path)
    scan = sorted((folder / "imagesTr").iterdir())[0]
    stem = scan.name.removesuffix(".nii.gz")
    (scan.parent / f"{stem}_0000.nii.gz").write_bytes(scan.read_bytes())

    found = read_collection(folder)

    assert stem not in [case.id for case in found.cases]
    assert [(one.case, "more than once" in one.message) for one in found.problems] == [(stem, True)]
