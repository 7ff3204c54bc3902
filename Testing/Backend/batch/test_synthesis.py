"""Healthy scans into a cohort with synthetic tumors."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.batch.cases import Case
from atlastumor.batch.reading import read_reference
from atlastumor.batch.synthesis import SyntheticCohort
from atlastumor.errors import OutputError
from atlastumor.organs import find_organ, label_names
from Backend.batch.critics import Pleased
from Backend.batch.healthy_folders import (
    hash_tree,
    load,
)
from Backend.batch.synthetic_cohorts import DATA, make, write_three


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_three(tmp_path_factory.mktemp("healthy"))


@pytest.fixture(scope="module")
def made(healthy: Path, tmp_path_factory: pytest.TempPathFactory) -> SyntheticCohort:
    return make(healthy, tmp_path_factory.mktemp("made") / "out")


# What is written.


def test_every_case_has_its_tumors_in_abdomen_atlas_s_layout(made: SyntheticCohort) -> None:
    masks = {f"segmentations/{stem}.nii.gz" for stem in label_names().values()}
    files = {"ct.nii.gz", "labels.nii.gz", "result.json", *masks}

    assert [record["case"] for record in made.cases] == ["a", "b", "c"]
    assert made.problems == ()
    for record in made.cases:
        folder = made.directory / record["case"]
        assert set(hash_tree(folder)) == files
        assert len(record["tumors"]) == 2
        labels = load(folder / "labels.nii.gz")
        for tumor in record["tumors"]:
            label = find_organ(tumor["organ"]).tumor_label
            i, j, k = (slice(*side) for side in tumor["lesion"]["box"])
            assert (labels[i, j, k] == label).any()
        for label, stem in label_names().items():
            mask = load(folder / "segmentations" / f"{stem}.nii.gz")
            assert np.array_equal(
                mask[labels == label] == 1, np.ones((labels == label).sum(), bool)
            )
            assert set(np.unique(mask)) <= {0, 1}


def test_organs_keep_their_healthy_outlines_and_the_scan_its_healthy_voxels(
    healthy: Path, made: SyntheticCohort
) -> None:
    folder = made.directory / "b"
    before, after = load(healthy / "b" / "ct.nii.gz"), load(folder / "ct.nii.gz")
    organs, labels = load(healthy / "b" / "labels.nii.gz"), load(folder / "labels.nii.gz")

    assert after.dtype == before.dtype
    assert 0 < np.count_nonzero(after != before) < 10 * np.count_nonzero(labels >= 27)
    assert np.array_equal(labels[labels < 27], organs[labels < 27])
    for label, stem in list(label_names().items())[:7]:
        assert np.array_equal(load(folder / "segmentations" / f"{stem}.nii.gz"), organs == label)


def test_volumes_say_that_they_are_synthetic_and_name_no_path(
    healthy: Path, made: SyntheticCohort
) -> None:
    for path in (made.directory / "a" / "ct.nii.gz", made.directory / DATA / "labelsTr/a.nii.gz"):
        header = nibabel.load(path).header
        assert bytes(header["descrip"].item()).startswith(b"SYNTHETIC")
        assert str(healthy) not in str(header.extensions[0].get_content())
    for path in made.directory.rglob("*.json"):
        assert str(healthy) not in path.read_text()


def test_evaluation_reads_the_cases_as_references(made: SyntheticCohort) -> None:
    record = made.cases[0]
    organ = record["tumors"][0]["organ"]
    place = made.directory / record["case"]

    tumor, organ_mask, _ = read_reference(Case("a", place, place), organ)

    assert tumor.any()
    assert organ_mask is not None
    assert tumor[organ_mask].sum() == tumor.sum()


def test_the_data_set_is_as_nnunet_wants_it(made: SyntheticCohort) -> None:
    """What nnU-Net v2 checks of a raw data set before it plans."""
    folder = made.directory / DATA
    content = json.loads((folder / "dataset.json").read_text())

    assert content["channel_names"] == {"0": "CT"}
    assert content["file_ending"] == ".nii.gz"
    assert list(content["labels"].items())[:2] == [("background", 0), ("kidney_left", 1)]
    assert list(content["labels"].values()) == list(range(14))
    names = ["a", "b", "c"]
    assert content["numTraining"] == len(names)
    assert sorted(p.name for p in (folder / "imagesTr").iterdir()) == [
        f"{name}_0000.nii.gz" for name in names
    ]
    assert sorted(p.name for p in (folder / "labelsTr").iterdir()) == [
        f"{name}.nii.gz" for name in names
    ]
    for name in names:
        image = nibabel.load(folder / "imagesTr" / f"{name}_0000.nii.gz")
        labels = nibabel.load(folder / "labelsTr" / f"{name}.nii.gz")
        assert image.shape == labels.shape
        assert np.array_equal(image.affine, labels.affine)
        array = np.asarray(labels.dataobj)
        assert set(np.unique(array)) <= set(content["labels"].values())
        ours = load(made.directory / name / "labels.nii.gz")
        for label, stem in label_names().items():
            assert np.array_equal(array == content["labels"][stem], ours == label)


def test_a_data_set_of_one_organ_has_its_classes_alone(healthy: Path, tmp_path: Path) -> None:
    made = make(healthy, tmp_path / "out", only={"a"}, organs=["kidney"])

    content = json.loads((made.directory / DATA / "dataset.json").read_text())
    assert content["labels"] == {
        "background": 0,
        "kidney_left": 1,
        "kidney_right": 2,
        "kidney_lesion": 3,
    }
    assert set(np.unique(load(made.directory / DATA / "labelsTr/a.nii.gz"))) == {0, 1, 2, 3}
    assert {tumor["organ"] for tumor in made.cases[0]["tumors"]} == {"kidney"}


# The same bytes, whatever happens in between.


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_run_that_was_killed_and_gone_on_with_gives_the_bytes_of_one_run(
    healthy: Path, made: SyntheticCohort, limit: int, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        make(healthy, out, Pleased(limit))
    finished = [path.parent.name for path in sorted(out.glob("*/result.json"))]
    assert finished == ["a", "b", "c"][: limit // 2]
    assert not json.loads((out / "cohort.json").read_text())["is_complete"]

    critic = Pleased()
    make(healthy, out, critic)

    assert critic.n_asked == 6 - 2 * len(finished)
    assert hash_tree(out) == hash_tree(made.directory)


def test_a_process_that_dies_while_it_writes_leaves_nothing_in_the_way(
    healthy: Path, made: SyntheticCohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make(healthy, out, only={"a"})
    (out / ".b.atlastumor-partial-999999999" / "segmentations").mkdir(parents=True)
    (out / DATA / "imagesTr" / "a_0000.nii.gz").unlink()
    (out / DATA / "labelsTr" / ".b.part").write_bytes(b"half")
    (out / DATA / "dataset.json").unlink()

    make(healthy, out)

    assert hash_tree(out) == hash_tree(made.directory)


def test_the_order_of_cases_does_not_matter(
    healthy: Path, made: SyntheticCohort, tmp_path: Path
) -> None:
    for name in "cba":
        make(healthy, tmp_path / "out", only={name})
    make(healthy, tmp_path / "out")

    assert hash_tree(tmp_path / "out") == hash_tree(made.directory)


def test_a_finished_case_that_lost_a_file_is_made_again(
    healthy: Path, made: SyntheticCohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make(healthy, out)
    (out / "b" / "segmentations" / "liver.nii.gz").unlink()

    make(healthy, out)

    assert hash_tree(out) == hash_tree(made.directory)


@pytest.mark.parametrize("what", ["b/ct.nii.gz", "b/labels.nii.gz", "c/segmentations/liver.nii.gz"])
def test_a_finished_case_whose_input_has_changed_is_made_again(tmp_path: Path, what: str) -> None:
    healthy, out, name = write_three(tmp_path / "healthy"), tmp_path / "out", what[0]
    make(healthy, out)
    os.utime(healthy / what, ns=(1, 2**62))
    before = hash_tree(out)
    images = [out / DATA / f"imagesTr/{one}_0000.nii.gz" for one in "abc"]
    made_at = [path.stat().st_ino for path in images]
    critic = Pleased()

    again = make(healthy, out, critic)

    assert again.changed == (name,)
    assert critic.n_asked == 2
    altered = {key for key, value in hash_tree(out).items() if before[key] != value}
    assert altered == {f"{name}/result.json"}  # the time alone has changed
    is_new = [path.stat().st_ino != n for path, n in zip(images, made_at, strict=True)]
    assert is_new == [one == name for one in "abc"]
    assert make(healthy, out, critic).changed == ()


def test_a_changed_input_that_cannot_be_used_leaves_the_earlier_case(tmp_path: Path) -> None:
    healthy, out = write_three(tmp_path / "healthy"), tmp_path / "out"
    make(healthy, out)
    before = hash_tree(out / "b"), hash_tree(out / DATA)
    (healthy / "b" / "ct.nii.gz").write_bytes(b"no scan")

    made = make(healthy, out)

    assert [problem.case for problem in made.problems] == ["b"]
    assert made.changed == ()
    assert (hash_tree(out / "b"), hash_tree(out / DATA)) == before


def test_a_case_of_an_earlier_version_is_taken_as_it_is(tmp_path: Path) -> None:
    healthy, out = write_three(tmp_path / "healthy"), tmp_path / "out"
    make(healthy, out, only={"a"})
    record = json.loads((out / "a" / "result.json").read_text())
    del record["input"]["size_bytes"], record["input"]["modified_ns"]
    (out / "a" / "result.json").write_text(json.dumps(record))
    os.utime(healthy / "a.nii.gz", ns=(1, 1))
    critic = Pleased()

    make(healthy, out, critic, only={"a"})

    assert critic.n_asked == 0


def test_seed_and_name_decide_the_tumors(
    healthy: Path, made: SyntheticCohort, tmp_path: Path
) -> None:
    other = make(healthy, tmp_path / "out", only={"a"}, seed=6)

    seeds = [
        tumor["request"]["seed"]
        for record in (*made.cases, *other.cases)
        for tumor in record["tumors"]
    ]
    assert len(set(seeds)) == len(seeds) == 8


def test_other_settings_do_not_go_into_the_same_folder(healthy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(healthy, out, only={"a"})
    before = hash_tree(out)

    with pytest.raises(OutputError, match=r"made otherwise \(seed 7 instead of 6\)"):
        make(healthy, out, only={"a"}, seed=6)

    assert hash_tree(out) == before
