"""Pickles: their names are told without running them, and plain ones are read."""

import pickle
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest
import torch

from atlastumor.errors import WeightsError
from atlastumor.models.reading.pickles import find_globals, read_plain_pickle
from atlastumor.models.reading.plain import ALLOWED
from Backend.source_tree import REPOSITORY

PLANS = {
    "plans_per_stage": {
        0: {"patch_size": np.array([28, 192, 256]), "spacing": np.array([3.0, 0.78, 0.78])}
    },
    "dataset_properties": {
        "intensityproperties": OrderedDict({0: {"mean": np.float32(99.5), "sd": np.float64(39)}}),
        "all_sizes": [(95, 512, 512)],
        "size_reductions": OrderedDict(case_1=1.0),
    },
    "keep_only_largest_region": {(1, 2): True, (1,): np.bool_(False)},
    "num_classes": 2**40,
    "seen": {1, 2},
    "fixed": frozenset([3]),
    "raw": b"\x00\xff",
    "nothing": [None, b"", "", ()],
    "counted": Counter("aab"),
    "gathered": defaultdict(list, {"a": [1]}),
}
ARRAYS = [
    np.arange(6, dtype=np.int16).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(10)[::3],
    np.arange(4, dtype=">f4"),
    np.zeros((0, 3)),
    np.array(5, dtype=np.uint8),
    np.array([True, False]),
    np.arange(3, dtype=np.float16),
]


def written(value, path, protocol):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plans_are_read_from_each_protocol(protocol, tmp_path):
    found = read_plain_pickle(written(PLANS, tmp_path / "plans.pkl", protocol))

    stage = found["plans_per_stage"][0]
    assert stage["patch_size"].tolist() == [28, 192, 256]
    assert stage["spacing"].dtype == np.float64
    properties = found["dataset_properties"]["intensityproperties"]
    assert type(properties) is dict
    assert properties == {0: {"mean": 99.5, "sd": 39.0}}
    assert type(properties[0]["mean"]) is float
    assert found["keep_only_largest_region"] == {(1, 2): True, (1,): False}
    for key in ("num_classes", "seen", "fixed", "raw", "nothing", "counted", "gathered"):
        assert found[key] == PLANS[key]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_arrays_of_numbers_come_back_as_they_were(array, protocol, tmp_path):
    found = read_plain_pickle(written([array], tmp_path / "x.pkl", protocol))[0]

    assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, array)


def test_the_documents_list_every_name_that_is_allowed():
    told = (REPOSITORY / "Resources/Docs/models.md").read_text(encoding="utf-8")

    for name in ALLOWED:
        module, _, attribute = name.rpartition(".")
        assert f"`{attribute}`" in told or f"`{name}`" in told
        assert module in told


def test_names_are_told_whatever_kind_of_file_they_are_in(tmp_path):
    network = torch.nn.Linear(1, 1)
    torch.save(network, tmp_path / "new.pt")
    torch.save(network, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    written(OrderedDict(a=range), tmp_path / "x.pkl", 4)

    for name in ("new.pt", "old.pt"):
        found = find_globals(tmp_path / name)
        assert found[0] == "torch.nn.modules.linear.Linear"
        assert "torch.FloatStorage" in found
    assert find_globals(tmp_path / "x.pkl") == ["collections.OrderedDict", "builtins.range"]


def test_names_are_told_as_python_3_calls_them(tmp_path):
    written([range, dict, int], tmp_path / "x.pkl", 2)

    assert find_globals(tmp_path / "x.pkl") == ["builtins.range", "builtins.dict", "builtins.int"]


def test_one_name_after_another_is_told_in_one_sentence(tmp_path):
    written([print, eval, exec, compile, open, input], tmp_path / "x.pkl", 4)

    with pytest.raises(WeightsError) as raised:
        read_plain_pickle(tmp_path / "x.pkl")

    assert "wants builtins.print, builtins.eval, builtins.exec, builtins.compile" in str(
        raised.value
    )
    assert "and 2 more" in str(raised.value)


def test_a_checkpoint_is_not_taken_for_plain_data(tmp_path):
    torch.save({"a": 1}, tmp_path / "x.pkl")

    with pytest.raises(WeightsError, match="it is a checkpoint, not plain data"):
        read_plain_pickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("read", [find_globals, read_plain_pickle])
def test_a_missing_file_says_so(read, tmp_path):
    with pytest.raises(WeightsError, match=r"x\.pkl is missing"):
        read(tmp_path / "x.pkl")
