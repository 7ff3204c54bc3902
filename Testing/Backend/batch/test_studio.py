"""A scan opened for one tumor after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.batch.edits import Edit
from atlastumor.batch.studio import Studio
from atlastumor.errors import Cancelled, InputError, PlacementError
from atlastumor.organs import ORGANS
from atlastumor.progress import CancelToken
from atlastumor.synthesis import PAINTED, Painting, TumorRequest
from atlastumor.volume import LabelMap
from Backend.batch.critics import ContrastCritic
from Backend.synthesis.made_case import CENTERS_RAS, Case, make_case

LIVER = CENTERS_RAS["liver"]


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
    nowhere = Painting(a_case.scan.array < -900, grid)
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
