"""Operating points: to a file and back, and only to their own model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlastumor.detection.operating_point import (
    OperatingPoint,
    load_operating_points,
    save_operating_points,
    thresholds_for,
)
from atlastumor.errors import InputError, OutputError
from atlastumor.models.card import DEFAULT_MODEL, ModelCard, find_card
from atlastumor.results.nifti import PROBABILITY_STEP
from Backend.operating_points import make_point


@pytest.fixture
def a_card() -> ModelCard:
    return find_card(DEFAULT_MODEL)


@pytest.fixture
def a_point(a_card: ModelCard) -> OperatingPoint:
    return make_point(
        model_id=a_card.id,
        weights_sha256=a_card.weights.sha256,
        threshold=0.30000001192092896,  # float32's 0.3
        sensitivity_interval=(0.85, 0.97),
    )


def test_what_is_written_is_read_to_the_bit(tmp_path: Path, a_point: OperatingPoint) -> None:
    other = replace(a_point, organ="kidney", sensitivity_interval=None)

    save_operating_points(tmp_path / "points.json", [a_point, other])

    assert load_operating_points(tmp_path / "points.json") == (a_point, other)
    assert [path.name for path in tmp_path.iterdir()] == ["points.json"]


def test_an_organ_has_one_point(tmp_path: Path, a_point: OperatingPoint) -> None:
    with pytest.raises(ValueError, match="one operating point"):
        save_operating_points(tmp_path / "points.json", [a_point, a_point])


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path, a_point: OperatingPoint) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_operating_points(tmp_path / "missing" / "points.json", [a_point])


def test_its_own_model_gets_the_thresholds(a_point: OperatingPoint, a_card: ModelCard) -> None:
    assert thresholds_for([a_point], a_card) == {"liver": 0.30000001192092896}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_id": "other-v2"}, "for the model 'other-v2', not for"),
        ({"model_id": ""}, "does not say for which model"),
        ({"weights_sha256": "0" * 64}, r"other weights of .* \(000000000000\.\.\., not"),
        ({"weights_sha256": ""}, "does not say for which weights"),
    ],
)
def test_any_other_model_or_weights_are_refused(
    change: dict[str, Any], message: str, a_point: OperatingPoint, a_card: ModelCard
) -> None:
    with pytest.raises(InputError, match=message):
        thresholds_for([replace(a_point, **change)], a_card)


def test_an_organ_that_the_model_has_no_tumors_of_is_refused(
    a_point: OperatingPoint, a_card: ModelCard
) -> None:
    without = replace(a_card, outputs=tuple(o for o in a_card.outputs if o.organ != "liver"))

    with pytest.raises(InputError, match="finds no tumors of it"):
        thresholds_for([a_point], without)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 1.5}, "threshold is 1.5, where a number from 0 to 1"),
        ({"threshold": "0.5"}, "threshold is '0.5'"),
        ({"n_scans": True}, "n_scans is True, where int"),
        ({"fp_per_scan_interval": [1.0]}, "where two numbers are needed"),
        ({"organ": "spleen"}, "There is no organ 'spleen'"),
        ({"schema": 3}, "schema is 3, where str"),
        ({"threshold": None}, "threshold is None"),
        ({"unheard": 1}, "missing or unknown: unheard"),
    ],
)
def test_a_damaged_value_is_named(
    change: dict[str, Any], message: str, tmp_path: Path, a_point: OperatingPoint
) -> None:
    path = tmp_path / "points.json"
    save_operating_points(path, [a_point])
    data = json.loads(path.read_text())
    data["points"][0] |= change
    path.write_text(json.dumps(data))

    with pytest.raises(InputError, match=message):
        load_operating_points(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "its schema is not"),
        ('{"schema": "atlastumor-operating-points/1", "points": []}', "holds no points"),
        ('{"schema": "atlastumor-operating-points/1", "points": [4]}', "missing or unknown"),
        ('{"schema": "atlastumor-operating-points/2", "points": []}', "its schema is not"),
        (" " * 1_000_001, "larger than 1 MB"),
    ],
)
def test_what_is_no_operating_point_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text(text)

    with pytest.raises(InputError, match=message):
        load_operating_points(tmp_path / "points.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"points\.json cannot be used: it cannot be read"):
        load_operating_points(tmp_path / "points.json")


def test_a_file_that_names_an_organ_twice_is_refused(
    tmp_path: Path, a_point: OperatingPoint
) -> None:
    path = tmp_path / "points.json"
    save_operating_points(path, [a_point])
    data = json.loads(path.read_text())
    data["points"] *= 2
    path.write_text(json.dumps(data))

    with pytest.raises(InputError, match="an organ comes twice"):
        load_operating_points(path)


def test_a_threshold_of_one_still_finds_what_maps_store_as_one(
    a_point: OperatingPoint, a_card: ModelCard
) -> None:
    threshold = thresholds_for([replace(a_point, threshold=1.0)], a_card)["liver"]

    assert threshold == 1.0 - PROBABILITY_STEP / 2  # at 1 itself, segmentation finds nothing
