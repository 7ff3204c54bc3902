"""A scan opened for one tumor after the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.batch.edits import Edit
from atlastumor.batch.quality import judge_tumor
from atlastumor.batch.remembering import RememberingCritic
from atlastumor.batch.studio import Grown, Studio
from atlastumor.errors import Cancelled, InputError, PlacementError
from atlastumor.organs import ORGANS
from atlastumor.progress import CancelToken
from atlastumor.synthesis import PAINTED, Painting, TumorRequest
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import LabelMap, Scan
from Backend.batch.critics import ContrastCritic, Pleased
from Backend.synthesis.made_case import CENTERS_RAS, Case, make_case

LIVER = CENTERS_RAS["liver"]
LARGE = {"diameter_mm": 28.0, "contrast_hu": -80.0}


@pytest.fixture(scope="module")
def a_case() -> Case:
    return make_case((3.0, 3.0, 4.0))


@pytest.fixture
def a_studio(a_case: Case) -> Studio:
    return Studio(a_case.scan, a_case.labels, make_critic=ContrastCritic)


def fields(**more: Any) -> dict[str, Any]:
    return {
        "organ": "liver",
        "diameter_mm": 14.0,
        "seed": 5,
        "method": "handcrafted",
        "shape": "ellipsoid",
        "center_ras": list(LIVER),
        "contrast_hu": -60.0,
        **more,
    }


def test_an_edit_holds_all_that_a_tumor_changed_and_takes_it_back(
    a_case: Case, a_studio: Studio, tmp_path: Path
) -> None:
    (grown,) = a_studio.grow([a_studio.complete(fields(mass_effect=True))])
    grown.edit.save(tmp_path / "edit.npz")
    edit = Edit.load(tmp_path / "edit.npz")
    hu, labels = a_case.scan.array.copy(), a_case.labels.array.copy()

    edit.apply(hu, labels)

    assert np.array_equal(hu, grown.result.scan.array)
    assert np.array_equal(labels, grown.result.labels.array)
    assert np.count_nonzero(edit.mask) == np.count_nonzero(labels == 27)
    assert np.array_equal(labels[edit.box] == 27, edit.mask)
    edit.revert(hu, labels)
    assert np.array_equal(hu, a_case.scan.array)
    assert np.array_equal(labels, a_case.labels.array)


def test_a_proposal_changes_nothing_until_it_is_applied(a_case: Case, a_studio: Studio) -> None:
    request = a_studio.complete(fields())
    (first,) = a_studio.grow([request])
    (again,) = a_studio.grow([request])
    assert np.array_equal(first.edit.hu_after, again.edit.hu_after)

    a_studio.apply(first.edit)

    with pytest.raises(PlacementError, match="already is a tumor"):
        a_studio.grow([request])
    a_studio.revert(first.edit)
    (third,) = a_studio.grow([request])
    assert np.array_equal(first.edit.hu_after, third.edit.hu_after)
    assert not np.count_nonzero(a_case.labels.array == 27)


def test_the_organ_under_the_point_is_found_and_none_is_an_error(a_studio: Studio) -> None:
    for organ in ORGANS:
        request = a_studio.complete(fields(organ="", center_ras=CENTERS_RAS[organ.key]))
        assert request.organ == organ.key
    with pytest.raises(InputError, match=r"No organ is outlined at R 900.0.*liver, pancreas"):
        a_studio.complete(fields(organ="", center_ras=[900.0, 0.0, 0.0]))


def test_without_place_and_organ_any_organ_in_view_is_drawn(a_studio: Studio) -> None:
    found = {a_studio.complete(fields(organ="", center_ras=None, seed=n)).organ for n in range(40)}
    assert found == {organ.key for organ in a_studio.organs}


def test_an_organ_that_is_drawn_is_one_that_the_method_knows(a_studio: Studio) -> None:
    wish = fields(organ="", center_ras=None, method="difftumor")

    found = {a_studio.complete({**wish, "seed": n}).organ for n in range(20)}

    assert found == {"liver", "pancreas", "kidney"}


def test_without_a_place_the_organ_is_that_on_which_most_was_painted(
    a_case: Case, a_studio: Studio
) -> None:
    grid = a_case.scan.grid
    away = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1)) - CENTERS_RAS["pancreas"]
    painting = Painting(np.linalg.norm(away, axis=-1) < 7.0, grid)
    wish = fields(organ="", center_ras=None, painting=painting, diameter_mm=painting.diameter_mm)

    (grown,) = a_studio.grow([a_studio.complete({**wish, "shape": PAINTED})])

    assert grown.result.request.organ == "pancreas"
    assert np.count_nonzero(grown.edit.mask) == np.count_nonzero(painting.mask)
    request = a_studio.complete({**wish, "center_ras": LIVER, "shape": PAINTED})
    assert request.organ == "liver"
    corner = np.zeros(grid.shape, bool)
    corner[:4, :4, :4] = True
    nowhere = Painting(corner, grid)
    with pytest.raises(InputError, match="No organ is outlined under what is painted"):
        a_studio.complete({**wish, "painting": nowhere})


def test_several_tumors_grow_beside_one_another_and_those_without_room_are_left_out(
    a_studio: Studio,
) -> None:
    several = [fields(seed=n, center_ras=None) for n in range(3)]
    too_large = fields(diameter_mm=150.0)

    grown = a_studio.grow([a_studio.complete(one) for one in [*several, too_large]])

    assert len(grown) == 3
    total = sum(np.count_nonzero(one.edit.mask) for one in grown)
    assert np.count_nonzero(grown[0].result.labels.array == 27) == total
    with pytest.raises(PlacementError, match="largest"):
        a_studio.grow([a_studio.complete(too_large)])


def test_each_tumor_is_judged_in_the_scan_in_which_it_was_grown(a_studio: Studio) -> None:
    requests = [a_studio.complete(fields(seed=n, center_ras=None)) for n in range(2)]
    a_studio.grow(requests)

    first = a_studio.judge(requests)
    a_studio.grow(requests[:1])

    assert a_studio.judge(requests) == first  # grown again from the same seeds
    assert all(quality.share > 0.3 for quality in first)


def test_a_tumor_is_judged_as_one_of_a_cohort_and_the_scan_before_it_looked_at_once(
    a_case: Case,
) -> None:
    critic = ContrastCritic()
    studio = Studio(a_case.scan, a_case.labels, make_critic=lambda: critic)
    request = studio.complete(fields(**LARGE))

    (quality,) = studio.judge([request])

    result = synthesize(a_case.scan, a_case.labels, request)
    assert quality == judge_tumor(ContrastCritic(), result, before=a_case.scan)
    assert quality.is_kept
    assert quality.share_before is not None
    assert len(critic.asked) == 2  # with the tumor and without
    assert studio.judge([request]) == (quality,)
    assert len(critic.asked) == 2
    studio.judge([studio.complete(fields(**LARGE | {"contrast_hu": -75.0}))])
    assert len(critic.asked) == 3  # without it the scan is the same


def test_what_is_found_before_a_tumor_is_there_is_a_fault(a_case: Case) -> None:
    studio = Studio(a_case.scan, a_case.labels, make_critic=Pleased)
    requests = [studio.complete(fields(seed=n, center_ras=None)) for n in range(2)]

    for quality in studio.judge(requests):
        assert (quality.share, quality.share_before) == (1.0, 1.0)
        assert quality.rejected_by == "found before"
        assert "100% of it in the scan without it" in quality.reason


def test_the_scan_before_a_later_tumor_holds_the_earlier_ones(a_case: Case) -> None:
    class Watching(ContrastCritic):
        def segment(self, scan: Scan, **more: Any) -> Any:
            start = np.rint(a_case.scan.grid.to_ijk(scan.grid.to_ras([0, 0, 0]))).astype(int)
            box = tuple(slice(a, a + n) for a, n in zip(start, scan.array.shape, strict=True))
            whole = a_case.scan.array.copy()
            whole[box] = scan.array
            seen.append(tuple(holds(one, whole) for one in grown))
            return super().segment(scan, **more)

    def holds(one: Grown, whole: np.ndarray) -> bool:
        return np.array_equal(whole[one.edit.box][one.edit.mask], one.edit.hu_after[one.edit.mask])

    seen: list[tuple[bool, ...]] = []
    studio = Studio(a_case.scan, a_case.labels, make_critic=Watching)
    requests = [studio.complete(fields(**LARGE, seed=n, center_ras=None)) for n in range(2)]
    grown = studio.grow(requests)

    assert all(quality.share_before is not None for quality in studio.judge(requests))

    both, first, none = (True, True), (True, False), (False, False)
    assert seen in ([both, first, first, none], [both, first, none])  # remembered if it sees as far


def test_a_critic_remembers_only_so_much_and_only_the_same(a_case: Case) -> None:
    critic = ContrastCritic()
    remembering = RememberingCritic(critic, most=2)
    moved = replace(a_case.scan, array=a_case.scan.array + 1)

    first = remembering.segment(a_case.scan, organs=["liver"])
    assert remembering.segment(a_case.scan, organs=["liver"]) is first
    remembering.segment(a_case.scan, organs=["kidney"])
    remembering.segment(moved, organs=["liver"])
    assert len(critic.asked) == 3
    again = remembering.segment(a_case.scan, organs=["liver"])
    assert again is not first  # it had to go
    assert np.array_equal(again.labels.array, first.labels.array)
    assert critic.asked == [("liver",), ("kidney",), ("liver",), ("liver",)]


def test_labels_without_any_organ_are_refused(a_case: Case) -> None:
    empty = LabelMap(np.zeros(a_case.scan.grid.shape, np.uint8), a_case.scan.grid, {})

    with pytest.raises(InputError, match="None of these organs is outlined"):
        Studio(a_case.scan, empty, make_critic=ContrastCritic)


def test_growing_can_be_cancelled(a_studio: Studio) -> None:
    token = CancelToken()
    token.cancel()

    with pytest.raises(Cancelled):
        a_studio.grow([a_studio.complete(fields())], cancel=token)
    assert isinstance(a_studio.complete(fields()), TumorRequest)
