"""What may be asked for, and drawing sizes."""

from collections import Counter

import numpy as np
import pytest

from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.organs import KEYS, find_organ
from atlastumor.synthesis.request import SIZE_CLASSES, TumorRequest, draw_diameter


def test_a_request_keeps_what_it_was_given_and_writes_its_organ_as_the_table_does():
    request = TumorRequest(" Liver", 15.0, 7, center_ras=(1.0, 2.0, 3.0), capsule=True)

    assert (request.organ, request.diameter_mm, request.seed) == ("liver", 15.0, 7)
    assert request.center_ras == (1.0, 2.0, 3.0)
    assert request.capsule
    assert not request.exophytic


def test_an_organ_that_is_not_in_the_table_is_refused_with_those_that_are():
    with pytest.raises(UnknownKeyError, match=r"no organ 'spleen'.*kidney, liver"):
        TumorRequest("spleen", 15.0, 7)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("diameter_mm", 2.9, "diameter is 2.9 mm; it must lie between 3 and 150 mm"),
        ("diameter_mm", 151.0, "diameter is 151 mm"),
        ("diameter_mm", float("nan"), "diameter is nan mm"),
        ("contrast_hu", -401.0, "contrast is -401 HU; it must lie between -400 and 400 HU"),
        ("contrast_hu", float("inf"), "contrast is inf HU"),
        ("seed", -1, "seed is -1"),
        ("center_ras", (0.0, float("nan"), 0.0), "three finite numbers: R, A, S"),
        ("center_ras", (0.0, 0.0), "three finite numbers: R, A, S"),
    ],
)
def test_a_number_out_of_its_range_is_refused_with_the_range(field, value, message):
    fields = {"organ": "liver", "diameter_mm": 15.0, "seed": 7, field: value}

    with pytest.raises(InputError, match=message):
        TumorRequest(**fields)


@pytest.mark.parametrize("diameter_mm", [3.0, 150.0])
def test_the_ends_of_the_range_may_be_asked_for(diameter_mm):
    assert TumorRequest("colon", diameter_mm, 0, contrast_hu=-400.0).diameter_mm == diameter_mm


def class_of(diameter_mm):
    return next(n for n, (low, high) in SIZE_CLASSES.items() if low <= diameter_mm <= high)


def test_size_classes_are_the_radii_of_the_paper_give_or_take_a_quarter():
    assert dict(SIZE_CLASSES) == {
        name: (2 * 0.75 * radius, 2 * 1.25 * radius)
        for name, radius in (("small", 8), ("medium", 16), ("large", 32))
    }


@pytest.mark.parametrize("key", KEYS)
def test_sizes_are_mixed_four_to_two_to_one_and_never_beyond_what_the_organ_has(key):
    rng = np.random.default_rng(0)

    drawn = [draw_diameter(rng, key) for _ in range(2100)]

    smallest, largest = find_organ(key).tumor.diameter_mm
    counts = Counter(class_of(diameter) for diameter in drawn)
    assert smallest <= min(drawn)
    assert max(drawn) <= largest
    for name, expected in (("small", 1200), ("medium", 600), ("large", 300)):
        assert abs(counts[name] - expected) < 100  # over four standard deviations


def test_a_class_without_a_share_is_never_drawn():
    rng = np.random.default_rng(0)

    drawn = {class_of(draw_diameter(rng, "kidney", (0, 1, 0))) for _ in range(50)}

    assert drawn == {"medium"}


@pytest.mark.parametrize("mix", [(1, 2), (1, 2, -1), (1, 2, float("nan")), (0, 0, 0)])
def test_a_mix_that_is_not_three_shares_is_refused(mix):
    with pytest.raises(InputError, match="The mix"):
        draw_diameter(np.random.default_rng(0), "liver", mix)


def test_the_same_seed_draws_the_same_size():
    first, second = (draw_diameter(np.random.default_rng(5), "uterus") for _ in range(2))

    assert first == second
