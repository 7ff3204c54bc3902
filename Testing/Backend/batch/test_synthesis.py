"""Healthy scans into a cohort with synthetic tumors."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest

from atlastumor.batch.cases import Case, Problem
from atlastumor.batch.growing import CohortSettings, Recipe
from atlastumor.batch.healthy import find_healthy
from atlastumor.batch.quality import Critic
from atlastumor.batch.reading import read_reference
from atlastumor.batch.synthesis import SyntheticCohort, make_cohort
from atlastumor.errors import Cancelled, InputError, OutputError, UnknownKeyError
from atlastumor.organs import find_organ, label_names
from atlastumor.progress import CancelToken
from atlastumor.synthesis import Patch
from atlastumor.synthesis.handcrafted import Handcrafted
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.shape_types import Shape
from atlastumor.volume import LabelMap
from Backend.batch.critics import ContrastCritic, Pleased, Unpleased
from Backend.batch.healthy_folders import (
    hash_tree,
    load,
    save,
    write_flat,
    write_folder,
    write_masks,
)
from Backend.synthesis.made_case import make_case

DATA = Path("nnunet/Dataset900_AtlasTumorSynthetic")
SMALL = (1.0, 0.0, 0.0)


def make(
    healthy: Path,
    out: Path,
    critic: Critic | None = None,
    *,
    only: set[str] | None = None,
    cancel: CancelToken | None = None,
    **settings: object,
) -> SyntheticCohort:
    """Make a cohort of small tumors, two per scan."""
    chosen = CohortSettings(**({"per_scan": 2, "mix": SMALL, "seed": 5, "tries": 4} | settings))
    recipe = Recipe(chosen, Handcrafted(), critic or Pleased(), {"model": "fake"})
    cases, problems = find_healthy(healthy)
    cases = tuple(case for case in cases if only is None or case.name in only)
    return make_cohort(cases, out, recipe, problems=problems, cancel=cancel)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases, each in its own layout."""
    folder = tmp_path_factory.mktemp("healthy")
    write_flat(folder, "a", seed=1)
    write_folder(folder, "b", seed=2)
    write_masks(folder, "c")
    return folder


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

    with pytest.raises(OutputError, match=r"made otherwise \(seed 5 instead of 6\)"):
        make(healthy, out, only={"a"}, seed=6)

    assert hash_tree(out) == before


# The filter.


class Sloppy(Handcrafted):
    """Paints every other tumor as dense as its organ, or far too dense."""

    def paint(
        self, patch: Patch, shape: Shape, request: TumorRequest, rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        good = super().paint(patch, shape, request, rng)
        organ_hu = float(np.median(patch.hu[patch.organ]))
        wrong = organ_hu + (0.0 if request.seed % 4 == 1 else 300.0)
        return good if request.seed % 2 == 0 else np.full_like(good, wrong)


def test_broken_tumors_are_rejected_and_others_drawn_in_their_place(
    healthy: Path, tmp_path: Path
) -> None:
    settings = CohortSettings(["liver"], per_scan=4, mix=SMALL, seed=1, tries=12, min_quality=0.5)
    recipe = Recipe(settings, Sloppy(), ContrastCritic(), {})

    made = make_cohort(find_healthy(healthy)[0], tmp_path / "out", recipe)

    attempts = [attempt for record in made.cases for attempt in record["attempts"]]
    broken = [one for one in attempts if one["seed"] % 2]
    assert len(broken) >= 6
    assert {one["outcome"] for one in broken} == {"rejected"}
    good = [one for one in attempts if one["seed"] % 2 == 0]
    assert sum(one["outcome"] == "kept" for one in good) >= 0.5 * len(good)
    (rate,) = made.acceptance
    assert (rate.kept, rate.rejected) == tuple(
        sum(one["outcome"] == outcome for one in attempts) for outcome in ("kept", "rejected")
    )
    content = json.loads((made.directory / "cohort.json").read_text())
    assert content["acceptance"][0]["rate"] == rate.rate == rate.kept / len(attempts)
    assert content["acceptance"][0]["method"] == "handcrafted"


def test_a_rejected_tumor_is_drawn_again_in_the_same_organ_and_size(
    healthy: Path, tmp_path: Path
) -> None:
    made = make(healthy, tmp_path / "out", Unpleased(), only={"a"})

    attempts = made.cases[0]["attempts"]
    assert [one["tumor"] for one in attempts] == [1] * 4 + [2] * 4
    assert len({one["seed"] for one in attempts}) == 8
    for number in (1, 2):
        same = [one for one in attempts if one["tumor"] == number]
        assert len({(one["organ"], one["diameter_mm"]) for one in same}) == 1


def test_a_scan_without_a_kept_tumor_is_written_unchanged(healthy: Path, tmp_path: Path) -> None:
    made = make(healthy, tmp_path / "out", Unpleased(), only={"a"})

    folder = made.directory / "a"
    assert np.array_equal(load(folder / "ct.nii.gz"), load(healthy / "a.nii.gz"))
    assert np.array_equal(load(folder / "labels.nii.gz"), load(healthy / "a_labels.nii.gz"))
    assert made.cases[0]["synthetic"] is False
    assert b"SYNTHETIC" not in nibabel.load(folder / "ct.nii.gz").header["descrip"].item()
    assert made.acceptance[0].rate == 0.0


def test_a_tumor_without_room_gets_another_size(healthy: Path, tmp_path: Path) -> None:
    """Large tumors never fit into the pancreas, small ones do."""
    made = make(
        healthy,
        tmp_path / "out",
        only={"a", "b"},
        organs=["pancreas"],
        mix=(1.0, 0.0, 2.0),
        per_scan=1,
        tries=15,
    )

    attempts = [one for record in made.cases for one in record["attempts"]]
    assert {one["outcome"] for one in attempts if one["diameter_mm"] > 40.0} == {"no room"}
    assert all(record["tumors"][0]["diameter_mm"] < 25.0 for record in made.cases)
    (rate,) = made.acceptance
    assert (rate.kept, rate.rejected, rate.rate) == (2, 0, 1.0)
    assert rate.no_room > 0


# Where organs come from.


def test_what_the_model_takes_for_a_tumor_in_a_healthy_scan_is_organ(tmp_path: Path) -> None:
    case = make_case((3.0, 3.0, 4.0))
    save(tmp_path / "healthy" / "a.nii.gz", case.scan)
    critic = ContrastCritic()  # takes pancreas, uterus and walls for tumors of the liver
    found = critic.segment(case.scan).labels.array
    assert (found == 27).any()

    made = make(tmp_path / "healthy", tmp_path / "out", critic, min_quality=0.0)

    labels = load(made.directory / "a" / "labels.nii.gz")
    (first, second) = made.cases[0]["tumors"]
    tumor = np.zeros(labels.shape, bool)
    for one in (first, second):
        tumor[tuple(slice(*side) for side in one["lesion"]["box"])] = True
    assert not (labels[~tumor] == 27).any()
    assert set(np.unique(labels[(found == 27) & ~tumor])) == {5}
    assert made.cases[0]["input"]["organs"] == "model"


# What goes wrong.


def test_one_bad_case_does_not_stop_the_rest(healthy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    write_flat(folder, "a", seed=1)
    write_folder(folder, "z", seed=2)
    whole = (folder / "a.nii.gz").read_bytes()
    (folder / "damaged.nii.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "empty").mkdir()
    case = write_flat(folder, "moved")
    affine = case.scan.grid.affine + np.array([[0, 0, 0, 5.0]] * 3 + [[0, 0, 0, 0]])
    nibabel.save(
        nibabel.Nifti1Image(np.asarray(case.labels.array), affine), folder / "moved_labels.nii.gz"
    )
    case = write_flat(folder, "nothing")
    blank = LabelMap(np.zeros_like(case.labels.array), case.labels.grid, {})
    save(folder / "nothing_labels.nii.gz", blank)
    write_folder(folder, "nnunet")
    write_flat(folder, "twice")
    write_folder(folder, "twice")

    made = make(folder, tmp_path / "out")

    assert [record["case"] for record in made.cases] == ["a", "z"]
    says = {problem.case: problem.message for problem in made.problems}
    assert list(says) == ["damaged", "empty", "moved", "nnunet", "nothing", "twice"]
    for name, part in {
        "damaged": "damaged",
        "empty": "holds no 'ct.nii.gz'",
        "moved": "must lie on one grid",
        "nnunet": "rename it",
        "nothing": "in view",
        "twice": "more than once",
    }.items():
        assert part in says[name]
    content = json.loads((made.directory / "cohort.json").read_text())
    assert [one["case"] for one in content["problems"]] == list(says)
    assert sorted(p.name for p in made.directory.iterdir()) == ["a", "cohort.json", "nnunet", "z"]
    assert json.loads((made.directory / DATA / "dataset.json").read_text())["numTraining"] == 2
    alone = make(healthy, tmp_path / "alone", only={"a"})
    assert hash_tree(made.directory / "a") == hash_tree(alone.directory / "a")


def test_a_case_that_is_too_large_for_memory_is_said_so(healthy: Path, tmp_path: Path) -> None:
    class Hungry(Pleased):
        def segment(self, scan: object, **more: object) -> object:
            self.n_asked += 1
            if self.n_asked == 1:
                raise MemoryError
            return super().segment(scan, **more)

    made = make(healthy, tmp_path / "out", Hungry())

    assert [record["case"] for record in made.cases] == ["b", "c"]
    (problem,) = made.problems
    assert problem.case == "a"
    assert "memory" in problem.message


def test_no_usable_case_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "healthy" / "empty").mkdir(parents=True)

    with pytest.raises(InputError, match=r"None of 1 cases .* empty: Its folder"):
        make(tmp_path / "healthy", tmp_path / "out")


def test_cancelling_keeps_finished_cases(healthy: Path, tmp_path: Path) -> None:
    cancel = CancelToken()

    class Stopping(Pleased):
        def segment(self, scan: object, **more: object) -> object:
            answer = super().segment(scan, **more)
            if self.n_asked == 3:
                cancel.cancel()
            return answer

    with pytest.raises(Cancelled):
        make(healthy, tmp_path / "out", Stopping(), cancel=cancel)

    assert [path.parent.name for path in (tmp_path / "out").glob("*/ct.nii.gz")] == ["a"]


def test_a_folder_with_other_files_is_left_alone(healthy: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")

    with pytest.raises(OutputError, match="holds other files"):
        make(healthy, tmp_path / "out")
    (tmp_path / "out" / "cohort.json").write_text("[]")
    with pytest.raises(OutputError, match="not a cohort's record"):
        make(healthy, tmp_path / "out")

    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_a_case_s_folder_with_other_files_is_left_alone(healthy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(healthy, out, only={"a"})
    (out / "b").mkdir()
    (out / "b" / "thesis.txt").write_text("mine")

    with pytest.raises(OutputError, match="other files"):
        make(healthy, out)

    assert (out / "b" / "thesis.txt").read_text() == "mine"


BAD_SETTINGS = [
    {"per_scan": 0},
    {"tries": 0},
    {"seed": -1},
    {"min_quality": 1.5},
    {"min_quality": float("nan")},
    {"mix": (0.0, 0.0, 0.0)},
    {"mix": (1.0, 2.0)},
]


@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=str)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError):
        CohortSettings(**settings)


def test_settings_name_known_organs_and_shapes() -> None:
    with pytest.raises(UnknownKeyError):
        CohortSettings(["spleen"])
    with pytest.raises(UnknownKeyError):
        CohortSettings(shape="cube")


def test_problems_of_finding_cases_are_kept(healthy: Path, tmp_path: Path) -> None:
    recipe = Recipe(CohortSettings(per_scan=1, mix=SMALL), Handcrafted(), Pleased(), {})
    cases = find_healthy(healthy)[0][:1]

    made = make_cohort(cases, tmp_path / "o", recipe, problems=[Problem("x", "Broken.")])

    assert made.problems == (Problem("x", "Broken."),)
