"""Checkpoints are read as data: nothing in them runs, whatever they hold."""

import argparse
import collections
import os
import pathlib
import pickle
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from atlastumor.errors import WeightsError
from atlastumor.models.reading.checkpoints import read_checkpoint, read_tensors

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor(5)}


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def same(found):
    return found.keys() == TENSORS.keys() and all(
        torch.equal(found[name], tensor) for name, tensor in TENSORS.items()
    )


@pytest.mark.parametrize(
    "content",
    [
        TENSORS,
        collections.OrderedDict(TENSORS),
        {"state_dict": TENSORS, "epoch": 3},
        {"step": 9, "model": {"other": torch.zeros(1)}, "ema": TENSORS, "scaler": {"scale": 2.0}},
        {"network_weights": TENSORS, "optimizer_state": {}, "trainer_name": "nnUNetTrainer"},
        {"model_state_dict": {"b": torch.zeros(1)}, "ema_model_state_dict": TENSORS},
        {"model_state_dict": TENSORS, "ema_model_state_dict": None},
        {"net": TENSORS, "optimizer": {}},
        {"model": TENSORS, "args": argparse.Namespace(rate=0.1)},
    ],
)
def test_weights_are_found_in_each_kind_of_file(content, tmp_path):
    torch.save(content, tmp_path / "x.pt")

    assert same(read_tensors(tmp_path / "x.pt"))


BASE = torch.arange(24.0).view(2, 3, 4)
VARIETY = {
    "turned": BASE.permute(2, 0, 1),
    "cut": BASE[1, 1:, 2:],
    "parameter": torch.nn.Parameter(BASE[0]),
    "scalar": torch.tensor(3),
    "empty": torch.zeros(0, 3),
    "wide empty": torch.zeros(2, 0, 3),
    "double": BASE.double(),
    "half": BASE.half(),
    "bfloat16": BASE.bfloat16(),
    "bool": BASE > 3,
    "bytes": BASE.byte(),
    "short": BASE.short(),
    "signed bytes": BASE.char(),
    "int": BASE.int(),
}


@pytest.mark.parametrize("is_new", [True, False])
def test_tensors_of_every_kind_are_what_torch_itself_reads(is_new, tmp_path):
    state = collections.OrderedDict(VARIETY)
    state._metadata = collections.OrderedDict({"": {"version": 1}})  # as `state_dict` has it
    torch.save(state, tmp_path / "x.pt", _use_new_zipfile_serialization=is_new)

    found = read_tensors(tmp_path / "x.pt")

    for name, tensor in VARIETY.items():
        assert type(found[name]) is torch.Tensor
        assert not found[name].requires_grad
        assert found[name].stride() == tensor.stride()
        torch.testing.assert_close(found[name], tensor.detach(), rtol=0, atol=0)


@pytest.mark.parametrize("is_new", [True, False])
def test_what_nnunet_writes_beside_the_weights_is_read_as_plain_values(is_new, tmp_path):
    network = torch.nn.Conv3d(1, 2, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.99, nesterov=True)
    network(torch.zeros(1, 1, 3, 3, 3)).sum().backward()
    optimizer.step()
    written = {
        "network_weights": network.state_dict(),
        "optimizer_state": optimizer.state_dict(),
        "grad_scaler_state": None,
        "logging": {"losses": [np.float32(0.5), np.float64(-0.25)], "times": [1.5]},
        "_best_ema": np.float64(0.75),
        "current_epoch": 1000,
        "init_args": {
            "plans": {"spacing": (1.0, np.float64(0.8)), "n": np.int64(3), "is_3d": np.bool_(True)},
            "fold": 0,
            "device": torch.device("cuda"),
            "folder": pathlib.PurePosixPath("data"),
        },
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(written, tmp_path / "x.pth", _use_new_zipfile_serialization=is_new)

    found = read_checkpoint(tmp_path / "x.pth")

    momentum = found.pop("optimizer_state")["state"][0]["momentum_buffer"]
    assert momentum.shape == (2, 1, 3, 3, 3)
    assert found.pop("network_weights").keys() == {"weight", "bias"}
    assert found == {
        "grad_scaler_state": None,
        "logging": {"losses": [0.5, -0.25], "times": [1.5]},
        "_best_ema": 0.75,
        "current_epoch": 1000,
        "init_args": {
            "plans": {"spacing": (1.0, 0.8), "n": 3, "is_3d": True},
            "fold": 0,
            "device": None,
            "folder": None,
        },
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    assert type(found["init_args"]["plans"]["n"]) is int


def test_tensors_that_share_their_numbers_do_so_afterwards(tmp_path):
    torch.save({"encoder.a": BASE, "decoder.encoder.a": BASE}, tmp_path / "x.pt")

    one, two = read_tensors(tmp_path / "x.pt").values()

    assert one.data_ptr() == two.data_ptr()


def test_safetensors_are_read_whatever_the_file_is_called(tmp_path):
    save_file(TENSORS, tmp_path / "x.pt")

    assert same(read_tensors(tmp_path / "x.pt"))


OMEGACONF = {
    "omegaconf": [],
    "omegaconf.dictconfig": ["DictConfig"],
    "omegaconf.listconfig": ["ListConfig"],
    "omegaconf.nodes": ["AnyNode"],
    "omegaconf.base": ["ContainerMetadata", "Metadata"],
}


@pytest.fixture
def omegaconf(monkeypatch):
    """Look-alikes of OmegaConf's classes, importable while the fixture's caller wants them."""
    classes = {}
    for module, names in OMEGACONF.items():
        made = types.ModuleType(module)
        for name in names:
            classes[name] = type(name, (), {"__module__": module})
            setattr(made, name, classes[name])
        monkeypatch.setitem(sys.modules, module, made)
    return classes


def test_a_training_frameworks_configuration_is_read_over(omegaconf, monkeypatch, tmp_path):
    config, inner = omegaconf["DictConfig"](), omegaconf["ListConfig"]()
    node, meta = omegaconf["AnyNode"](), omegaconf["ContainerMetadata"]()
    meta.__dict__.update(ref_type=Any, object_type=dict, key_type=int, element_type=list)
    node.__dict__.update(_val=8, _metadata=omegaconf["Metadata"]())
    inner.__dict__.update(_content=[node, node], _metadata=meta)
    config.__dict__.update(_content={"downsample": inner}, _metadata=meta, _parent=None)
    state = collections.defaultdict(dict)
    state[0]["exp_avg"] = torch.zeros(3)
    torch.save(
        {
            "epoch": 1,
            "optimizer_states": [{"state": state, "n": collections.Counter("aab")}],
            "hyper_parameters": {"cfg": config},
            "state_dict": TENSORS,
        },
        tmp_path / "x.ckpt",
    )
    for module in OMEGACONF:
        monkeypatch.delitem(sys.modules, module)

    allowed = set(torch.serialization.get_safe_globals())

    assert same(read_tensors(tmp_path / "x.ckpt"))
    assert set(torch.serialization.get_safe_globals()) == allowed  # nothing stays allowed


@pytest.mark.parametrize("where", ["top", "beside", "among the weights"])
def test_code_is_refused_and_does_not_run(where, tmp_path):
    bomb = Bomb(tmp_path / "crater")
    content = {
        "top": bomb,
        "beside": {"ema": TENSORS, "hyper_parameters": bomb},
        "among the weights": {"ema": {**TENSORS, "c": bomb}},
    }[where]
    torch.save(content, tmp_path / "x.pt")

    with pytest.raises(
        WeightsError, match=r"x\.pt was refused: it wants posix\.mkdir.*foreign code"
    ):
        read_tensors(tmp_path / "x.pt")

    assert not (tmp_path / "crater").exists()


def test_a_bare_pickle_does_not_run(tmp_path):
    (tmp_path / "x.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "crater"), protocol=2))

    with pytest.raises(WeightsError, match=r"x\.pt"):
        read_tensors(tmp_path / "x.pt")

    assert not (tmp_path / "crater").exists()


def test_a_whole_pickled_network_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pt")

    with pytest.raises(
        WeightsError, match=r"whole pickled network \(torch\.nn\.modules\.linear\.Linear\)"
    ):
        read_tensors(tmp_path / "x.pt")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(WeightsError, match=r"x\.pt is missing"):
        read_tensors(tmp_path / "x.pt")


@pytest.mark.parametrize("keep", [0, 5, 9, 0.5, -1])
@pytest.mark.parametrize("kind", ["torch", "safetensors"])
def test_half_a_file_is_an_error_in_one_sentence(kind, keep, tmp_path):
    path = tmp_path / "x.pt"
    torch.save(TENSORS, path) if kind == "torch" else save_file(TENSORS, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])

    with pytest.raises(WeightsError, match=r"x\.pt cannot be read as a checkpoint"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([torch.zeros(2)], "a list where tensors by name"),
        ({"ema": {"a": 3}}, "a int named 'a'"),
        ({"state_dict": {7: torch.zeros(2)}}, "named '7'"),
    ],
)
def test_what_is_no_weights_is_named(content, what, tmp_path):
    torch.save(content, tmp_path / "x.pt")

    with pytest.raises(WeightsError, match=what):
        read_tensors(tmp_path / "x.pt")


@pytest.mark.parametrize("is_new", [True, False])
def test_damaged_bytes_are_read_or_end_in_one_sentence(is_new, tmp_path):
    path = tmp_path / "x.pt"
    content = {"network_weights": TENSORS, "logging": [np.float64(1)], "epoch": {"n": (1, None)}}
    torch.save(content, path, _use_new_zipfile_serialization=is_new)
    whole = path.read_bytes()
    chance = np.random.default_rng(0)
    said = []

    for _ in range(300):
        data = bytearray(whole)
        for place in chance.integers(len(data), size=3):
            data[place] = chance.integers(256)
        path.write_bytes(data)
        try:
            read_checkpoint(path)
        except WeightsError as error:
            said.append(str(error))

    assert len(said) > 100
    assert all(map(str.isprintable, said))
