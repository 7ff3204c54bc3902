from __future__ import annotations

import json
from types import MappingProxyType

import numpy as np
import pytest

from atlastumor import __version__
from atlastumor.provenance import Provenance, creation_time, to_plain


def a_record(**changes) -> Provenance:
    fields = {
        "model_id": "some-model",
        "model_version": "1.2",
        "weights_sha256": "ab" * 32,
        "device": "CPU, 2 cores",
        "backend": "torch",
        "precision": "fp32",
        "thresholds": {"liver": 0.4, "kidney": None},
        "grid_shape": (4, 5, 6),
        "spacing_mm": (np.float64(0.7), 0.7, 2.5),
        "stage_seconds": {"Reading": 0.5},
    }
    return Provenance(**(fields | changes))


def test_a_record_survives_json():
    record = a_record().to_dict()

    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["thresholds"] == {"liver": 0.4, "kidney": None}
    assert record["spacing_mm"] == [0.7, 0.7, 2.5]
    assert (record["software"], record["version"]) == ("AtlasTumor", __version__)


def test_a_read_only_mapping_is_a_mapping_too():
    record = a_record(thresholds=MappingProxyType({"liver": 0.4}))

    assert record.to_dict()["thresholds"] == {"liver": 0.4}


def test_not_a_number_becomes_none():
    record = a_record(thresholds={"liver": float("nan")}, stage_seconds={"a": float("inf")})

    assert record.to_dict()["thresholds"] == {"liver": None}
    assert record.to_dict()["stage_seconds"] == {"a": None}


def test_the_repeatable_part_leaves_out_what_differs_between_equal_runs():
    first = a_record(created="2020-01-01T00:00:00+00:00", peak_host_bytes=1)
    second = a_record(created="2021-01-01T00:00:00+00:00", peak_host_bytes=2, stage_seconds={})

    assert first.to_dict() != second.to_dict()
    assert first.to_repeatable_dict() == second.to_repeatable_dict()
    assert first.to_repeatable_dict()["model_id"] == "some-model"


def test_the_time_comes_from_source_date_epoch_where_it_is_set(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")

    assert creation_time() == "1970-01-02T00:00:00+00:00"
    assert a_record().created == "1970-01-02T00:00:00+00:00"


@pytest.mark.parametrize("epoch", ["", "yesterday", "9" * 40])
def test_a_malformed_epoch_gives_the_time_of_day(monkeypatch, epoch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)

    assert creation_time() > "2024"


def test_what_json_cannot_hold_is_a_mistake():
    with pytest.raises(TypeError, match="object has no place"):
        to_plain({"a": object()})


def test_numpy_values_and_sets_become_plain():
    assert to_plain({"a": np.float32(0.5), "b": np.arange(2), "c": {"y", "x"}}) == {
        "a": 0.5,
        "b": [0, 1],
        "c": ["x", "y"],
    }
