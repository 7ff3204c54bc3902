"""AbdomenAtlas and folders of users: masks and label maps beside their scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atlastumor.collections import (
    UNKNOWN,
    Annotation,
    CollectionCase,
    read_collection,
    recognize_collection,
)
from Backend.collections import data_sets as made
from Backend.collections.data_sets import (
    COLON,
    COLON_TUMOR,
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


def test_abdomenatlas_1_annotates_organs_only(tmp_path: Path) -> None:
    folder = made.write_atlas(tmp_path, made.ATLAS_ONE)

    (case,) = read_collection(folder).cases

    assert recognize_collection(folder) == "abdomenatlas"
    assert case.annotated == annotation("liver kidney pancreas")
    assert np.array_equal(loaded(case), keep(LIVER, LEFT, RIGHT, PANCREAS))


def test_the_copy_for_nnunet_that_a_synthetic_cohort_brings_is_no_problem(tmp_path: Path) -> None:
    folder = made.write_atlas(tmp_path, made.ATLAS_TWO)
    made.save_json(folder / "nnunet/Dataset900_AtlasTumorSynthetic/dataset.json", {})

    found = read_collection(folder)

    assert len(found.cases) == 1
    assert not found.problems
    assert found.notes == ("Raw data of nnU-Net, left out: nnunet.",)


def test_where_masks_overlap_tumors_count(tmp_path: Path) -> None:
    folder = made.write_atlas(tmp_path, made.ATLAS_TWO)
    whole = np.isin(ours(), (LIVER, LIVER_TUMOR)).astype(np.uint8) * 255
    made.save(folder / "BDMAP_00000001/segmentations/liver.nii.gz", whole)

    (case,) = read_collection(folder).cases

    assert case.annotated == annotation("liver kidney pancreas colon", "liver kidney pancreas")
    kept = (LIVER, LEFT, RIGHT, PANCREAS, COLON, LIVER_TUMOR, KIDNEY_TUMOR, PANCREAS_TUMOR)
    assert np.array_equal(loaded(case), keep(*kept))


def test_a_kidney_of_which_one_half_has_a_mask_is_not_annotated(tmp_path: Path) -> None:
    folder = made.write_atlas(tmp_path, ["liver", "kidney_left"])

    (case,) = read_collection(folder).cases

    assert case.annotated == annotation("liver")


def test_a_mask_of_zeros_annotates_and_one_that_is_not_there_does_not(tmp_path: Path) -> None:
    folder = made.write_split_atlas(tmp_path, "ct", "label", "BDMAP_00000001")

    (case,) = read_collection(folder).cases

    assert recognize_collection(folder) == "abdomenatlas"
    assert case.annotated.tumors == {"liver", "kidney", "pancreas"}
    assert not np.isin(loaded(case), (LIVER_TUMOR, COLON_TUMOR)).any()


def test_masks_of_cysts_alone_say_nothing_of_tumors(tmp_path: Path) -> None:
    folder = made.write_atlas(tmp_path, ["liver", "kidney_left", "kidney_right"])
    masks = folder / "BDMAP_00000001/segmentations"
    made.save(masks / "kidney_cyst.nii.gz", (ours() == KIDNEY_TUMOR).astype(np.uint8))
    (case,) = read_collection(folder).cases
    made.save(masks / "kidney_tumor.nii.gz", np.zeros_like(ours()))
    (both,) = read_collection(folder).cases

    assert case.annotated == annotation("liver kidney")
    assert np.array_equal(loaded(case), keep(LIVER, LEFT, RIGHT, KIDNEY_TUMOR))
    assert both.annotated == annotation("liver kidney", "kidney")


def test_abdomenatlas_3_comes_as_images_only_and_masks_only(tmp_path: Path) -> None:
    folder = made.write_split_atlas(tmp_path, "image_only", "mask_only", "BDMAP_00000001")

    (case,) = read_collection(folder).cases

    assert recognize_collection(folder) == "abdomenatlas"
    assert case.annotated.tumors == {"liver", "kidney", "pancreas"}


def test_pants_keeps_training_and_test_apart_in_folders(tmp_path: Path) -> None:
    made.write_split_atlas(tmp_path, "ImageTr", "LabelTr", "PanTS_00000001")
    made.write_split_atlas(tmp_path, "ImageTe", "LabelTe", "PanTS_00009001")
    made.save_masks(tmp_path / "LabelTr/PanTS_00000002/segmentations", ours(), ["liver"])
    made.save_scan(tmp_path / "ImageTe/PanTS_00009002/ct.nii.gz")

    found = read_collection(tmp_path)

    assert [case.id for case in found.cases] == ["PanTS_00000001", "PanTS_00009001"]
    assert found.notes == ("Folders in 'LabelTr' without a scan: 1.",)
    assert [(p.case, "no masks" in p.message) for p in found.problems] == [("PanTS_00009002", True)]


# A user's own folder.


def own_case(folder: Path, name: str, labels: np.ndarray | None) -> None:
    made.save_scan(folder / f"{name}.nii.gz")
    if labels is not None:
        made.save(folder / f"{name}_labels.nii.gz", labels)


def by_id(cases: tuple[CollectionCase, ...]) -> dict[str, Annotation]:
    return {case.id: case.annotated for case in cases}


def test_a_label_map_annotates_what_occurs_in_it(tmp_path: Path) -> None:
    own_case(tmp_path, "all", ours())
    own_case(tmp_path, "liver_only", keep(LIVER, tumors=False))
    own_case(tmp_path, "no_labels", None)

    found = read_collection(tmp_path)

    assert recognize_collection(tmp_path) == "folders"
    known = by_id(found.cases)
    assert known["all"].tumors == {"liver", "pancreas", "kidney", "colon"}
    assert known["liver_only"] == annotation("liver")
    assert known["no_labels"] == annotation()
    assert "Label maps in which no tumors count as annotated: 1." in found.notes[0]
    everything = np.isin(ours(), (26, 31, 32))
    assert np.array_equal(loaded(found.cases[0])[~everything], ours()[~everything])


def test_label_maps_that_annotate_nothing_are_named_the_first_few_and_then_counted(
    tmp_path: Path,
) -> None:
    own_case(tmp_path, "good", ours())
    own_case(tmp_path, "no_labels", None)
    for n in range(5):
        own_case(tmp_path, f"spleen_{n}", np.full_like(ours(), 1))

    (note,) = read_collection(tmp_path).notes

    assert note.startswith("Cases whose labels outline no organ of ours and no tumor of one")
    assert ": spleen_0, spleen_1, spleen_2 and 2 more. Check the numbers" in note


def test_an_owner_can_vouch_for_tumors_that_label_maps_do_not_hold(tmp_path: Path) -> None:
    own_case(tmp_path, "liver_only", keep(LIVER, tumors=False))
    own_case(tmp_path, "pancreas_only", keep(PANCREAS, tumors=False))

    found = read_collection(tmp_path, tumors=["liver"])

    known = by_id(found.cases)
    assert known["liver_only"] == annotation("liver", "liver")
    assert known["pancreas_only"] == annotation("pancreas")


def test_a_user_can_mark_voxels_of_which_nothing_is_known(tmp_path: Path) -> None:
    labels = keep(LIVER)
    labels[0] = UNKNOWN
    own_case(tmp_path, "one", labels)

    (case,) = read_collection(tmp_path).cases

    assert case.annotated == annotation("liver")
    assert (loaded(case)[0] == UNKNOWN).all()


def test_a_patient_may_have_one_kidney(tmp_path: Path) -> None:
    own_case(tmp_path, "left_only", keep(LIVER, LEFT, tumors=False))

    assert read_collection(tmp_path).cases[0].annotated == annotation("liver kidney")
