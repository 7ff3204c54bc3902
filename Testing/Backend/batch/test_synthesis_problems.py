"""What can go wrong with a synthetic cohort, and what then becomes of the rest."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.batch.cases import Problem
from atlastumor.batch.growing import CohortSettings, Recipe
from atlastumor.batch.healthy import find_healthy
from atlastumor.batch.synthesis import make_cohort
from atlastumor.errors import Cancelled, InputError, OutputError, UnknownKeyError
from atlastumor.progress import CancelToken
from atlastumor.synthesis.handcrafted import Handcrafted
from atlastumor.volume import LabelMap
from Backend.batch.critics import Pleased
from Backend.batch.healthy_folders import (
    hash_tree,
    save,
    write_flat,
    write_folder,
)
from Backend.batch.synthetic_cohorts import DATA, SMALL, make, write_three
from Backend.forbidden_folders import forbid


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_three(tmp_path_factory.mktemp("healthy"))


# What goes wrong.


def test_one_bad_case_does_not_stop_the_rest(healthy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    write_folder(folder, "z", seed=2)
    for name in ("a.nii.gz", "a_labels.nii.gz"):  # with their times, which go into the record
        shutil.copy2(healthy / name, folder / name)
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


def test_a_case_whose_scan_was_taken_away_is_said_to_be_in_the_data_set_still(
    healthy: Path, tmp_path: Path
) -> None:
    make(healthy, tmp_path / "out", only={"a", "b"})

    made = make(healthy, tmp_path / "out", only={"a"})

    assert [problem.case for problem in made.problems] == ["b"]
    assert "still in the data set" in made.problems[0].message
    assert [record["case"] for record in made.cases] == ["a"]
    dataset = json.loads((made.directory / DATA / "dataset.json").read_text())
    assert dataset["numTraining"] == 2


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


def test_the_critic_hears_of_cancelling(healthy: Path, tmp_path: Path) -> None:
    cancel, heard = CancelToken(), []

    class Listening(Pleased):
        def segment(self, scan: object, **more: object) -> object:
            heard.append(more["cancel"])
            return super().segment(scan, **more)

    make(healthy, tmp_path / "out", Listening(), cancel=cancel, only={"a"})

    assert heard
    assert all(token is cancel for token in heard)


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


def test_a_healthy_scan_that_must_not_be_read_is_a_problem_and_the_rest_counts(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = [case.name for case in find_healthy(healthy)[0]]
    forbid(healthy / "b", monkeypatch)

    cases, (problem,) = find_healthy(healthy)

    assert [case.name for case in cases] == [name for name in named if name != "b"]
    assert (problem.case, problem.message[:33]) == ("b", "'b' cannot be read: permission de")


def test_problems_of_finding_cases_are_kept(healthy: Path, tmp_path: Path) -> None:
    settings = CohortSettings(per_scan=1, mix=SMALL, min_quality=0.0)
    recipe = Recipe(settings, Handcrafted(), Pleased(), {})
    cases = find_healthy(healthy)[0][:1]

    made = make_cohort(cases, tmp_path / "o", recipe, problems=[Problem("x", "Broken.")])

    assert made.problems == (Problem("x", "Broken."),)


def test_a_disk_that_is_full_ends_the_run_and_finished_cases_stay(
    healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("atlastumor.batch.nnunet.os.link", fail)
        patched.setattr("atlastumor.batch.nnunet.shutil.copyfile", fail)
        with pytest.raises(OutputError, match="the disk is full"):
            make(healthy, tmp_path / "out")
    make(healthy, tmp_path / "out")
    make(healthy, tmp_path / "whole")

    assert hash_tree(tmp_path / "out") == hash_tree(tmp_path / "whole")


def test_a_disk_without_links_gets_copies(
    healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("atlastumor.batch.nnunet.os.link", fail)

    out = make(healthy, tmp_path / "out", only={"a"}).directory

    image, scan = out / DATA / "imagesTr" / "a_0000.nii.gz", out / "a" / "ct.nii.gz"
    assert image.read_bytes() == scan.read_bytes()
    assert not image.samefile(scan)
