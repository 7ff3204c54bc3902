from __future__ import annotations

import pytest

from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.inference.request import make_request
from atlastumor.models.specs import OutputSpec

from .pretend import make_card


def test_without_a_wish_every_organ_of_the_model_is_sought() -> None:
    request = make_request(make_card())

    assert [organ.key for organ in request.organs] == ["liver", "kidney"]
    assert request.outlined == {"liver": True, "kidney": True}


def test_organs_that_the_model_does_not_know_are_kept_beside_those_it_knows() -> None:
    request = make_request(make_card(), organs=["colon", "liver"])

    assert [organ.key for organ in request.organs] == ["liver", "colon"]
    assert request.outlined == {"liver": True}


def test_a_model_that_knows_none_of_the_organs_is_refused() -> None:
    with pytest.raises(InputError, match=r"knows none .*\(colon\); it knows kidney, liver"):
        make_request(make_card(), organs=["colon"])


def test_a_word_that_is_no_organ_is_refused() -> None:
    with pytest.raises(UnknownKeyError, match="heart"):
        make_request(make_card(), organs=["heart"])


def test_the_users_threshold_takes_the_place_of_the_cards() -> None:
    card = make_card(thresholds={"liver": 0.3, "kidney": 0.6})

    assert make_request(card, thresholds={"Liver": 0.4}).thresholds == {
        "liver": 0.4,
        "kidney": 0.6,
    }


def test_sigmoid_models_have_a_threshold_of_one_half() -> None:
    outputs = (OutputSpec(0, "organ", "liver"), OutputSpec(1, "tumor", "liver"))

    request = make_request(make_card(outputs=outputs, activation="sigmoid"))

    assert request.thresholds == {"liver": 0.5}
    assert make_request(make_card()).thresholds["liver"] is None


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        make_request(make_card(), thresholds={"liver": value})


def test_a_threshold_for_tumors_that_the_model_does_not_find_is_refused() -> None:
    with pytest.raises(InputError, match="finds no tumors of colon"):
        make_request(make_card(), thresholds={"colon": 0.5})


def test_mirroring_is_refused_where_the_model_was_not_trained_for_it() -> None:
    with pytest.raises(InputError, match="mirror"):
        make_request(make_card(mirror_axes=()), mirror=True)

    assert make_request(make_card(mirror_axes=(0, 2)), mirror=True).mirror_axes == (0, 2)
