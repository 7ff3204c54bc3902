"""What of a synthetic cohort is kept, and where its organs come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pytest

from atlastumor.batch.growing import CohortSettings, Recipe
from atlastumor.batch.healthy import find_healthy
from atlastumor.batch.synthesis import make_cohort
from atlastumor.synthesis import Patch
from atlastumor.synthesis.handcrafted import Handcrafted
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.shape_types import Shape
from Backend.batch.critics import ContrastCritic, Pleased, Unpleased
from Backend.batch.healthy_folders import (
    load,
    save,
)
from Backend.batch.synthetic_cohorts import SMALL, make, write_three
from Backend.synthesis.made_case import make_case


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_three(tmp_path_factory.mktemp("healthy"))


# The filter.


class Sloppy(Handcrafted):
    """Paints every other tumor as dense as its organ, or far too dense."""

    def paint(
        self,
        patch: Patch,
        shape: Shape,
        request: TumorRequest,
        rng: np.random.Generator,
        **more: Any,
    ) -> npt.NDArray[np.float32]:
        good = super().paint(patch, shape, request, rng, **more)
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
    rejected = [one for one in attempts if one["outcome"] == "rejected"]
    assert rate.not_found == sum(one["rejected_by"] == "not found" for one in rejected) > 0
    assert all(one["share"] < 0.5 for one in rejected if one["rejected_by"] == "not found")
    kept = [one for one in attempts if one["outcome"] == "kept"]
    assert all(one["share_before"] <= one["share"] / 2 for one in kept)
    assert {one["rejected_by"] for one in kept} == {""}
    content = json.loads((made.directory / "cohort.json").read_text())
    assert content["acceptance"][0] == rate.record()
    assert content["acceptance"][0]["rejected"] == len(rejected)
    assert content["acceptance"][0]["rate"] == rate.rate == rate.kept / len(attempts)
    assert content["acceptance"][0]["method"] == "handcrafted"


def test_the_record_says_by_how_much_a_density_is_off(healthy: Path, tmp_path: Path) -> None:
    settings = CohortSettings(["liver"], per_scan=2, mix=SMALL, seed=1, tries=12, min_quality=0.0)
    recipe = Recipe(settings, Sloppy(), Pleased(), {})
    cases = [case for case in find_healthy(healthy)[0] if case.name == "a"]

    made = make_cohort(cases, tmp_path / "out", recipe)

    attempts = made.cases[0]["attempts"]
    rejected = [one for one in attempts if one["outcome"] == "rejected"]
    assert {one["rejected_by"] for one in rejected} == {"not plausible"}
    assert made.acceptance[0].not_plausible == made.acceptance[0].rejected == len(rejected) > 0
    for one in attempts:
        low, high = one["plausible_hu"]
        assert (low <= one["contrast_hu"] <= high) is (one["outcome"] == "kept")
        assert (one["share"], one["share_before"]) == (1.0, None)


def test_what_the_critic_finds_in_the_scan_before_is_rejected_for_that(
    healthy: Path, tmp_path: Path
) -> None:
    made = make(healthy, tmp_path / "out", Pleased(), only={"a"}, min_quality=0.7)

    attempts = made.cases[0]["attempts"]
    assert {one["rejected_by"] for one in attempts if one["outcome"] != "no room"} == {
        "found before"
    }
    assert {one["share_before"] for one in attempts if one["outcome"] != "no room"} == {1.0}
    for one in made.acceptance:
        assert one.found_before == one.rejected > 0
        assert one.rate == 0.0
    assert all("share" not in one for one in attempts if one["outcome"] == "no room")


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
    assert all(record["tumors"][0]["diameter_mm"]["got"] < 25.0 for record in made.cases)
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
