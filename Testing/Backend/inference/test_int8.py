"""Eight bits: ranges that suit a network, convolutions that are of integers, and refusals."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from atlastumor.errors import CardError, DeviceError
from atlastumor.inference.backends import choose_backend, choose_precision, name_backend
from atlastumor.inference.backends.openvino_backend import OpenVinoBackend
from atlastumor.inference.calibrating import measure_ranges
from atlastumor.inference.device import Device, choose_device
from atlastumor.inference.engine import Segmenter
from atlastumor.inference.recipes import make_segmenter
from atlastumor.models.card import find_card
from atlastumor.models.specs import ModelCard, QuantizationSpec
from atlastumor.models.store import keep_ranges
from atlastumor.networks.ensemble import take_apart
from atlastumor.volume import Scan
from Backend.cohorts.tiny import library_environment
from Backend.inference.test_backends import a_card, a_network, needs_openvino, windows

from .kitchen import Kitchen

CPU = choose_device("cpu")
GPU = Device("cuda", "cuda", "A GPU", 1 << 34, 1 << 34)


def ranges_of(network: nn.Module, x: torch.Tensor) -> dict[str, tuple[float, float]]:
    """What goes into every convolution of several channels and voxels, whole."""
    found: dict[str, tuple[float, float]] = {}

    def watch(name: str) -> Any:
        def hook(_module: nn.Module, given: tuple[torch.Tensor]) -> None:
            low, high = given[0].min().item(), given[0].max().item()
            found[f"{name}.weight"] = min(low, 0.0), max(high, 1e-3)

        return hook

    hooks = [
        module.register_forward_pre_hook(watch(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv3d) and module.in_channels > 1 and module.kernel_size[0] > 1
    ]
    with torch.inference_mode():
        network(x)
    for hook in hooks:
        hook.remove()
    return found


def in_integers(runner: Any) -> list[str]:
    """The convolutions that OpenVINO has compiled for integers."""
    found = []
    for node in runner._compiled.get_runtime_model().get_ops():
        info = node.get_rt_info()
        if info["layerType"] == "Convolution" and info["runtimePrecision"] in {"u8", "i8"}:
            found.append(node.get_friendly_name())
    return found


@needs_openvino
@pytest.mark.parametrize("name", ["resenc_unet", "segresnet", "unet", "dints", "ensemble"])
def test_int8_says_nearly_what_the_plain_network_says(name: str) -> None:
    network = a_network(name)
    with torch.inference_mode():
        expected = network(windows())
    ranges = ranges_of(network, windows())
    card = replace(a_card(name), quantization=QuantizationSpec(ranges, "these windows"))

    runner = choose_backend("auto", "int8", CPU, network, card)
    got = runner.run(windows())

    assert (runner.name, runner.precision) == ("openvino", "int8")
    assert not torch.equal(got, expected)
    assert (got - expected).abs().mean() < 0.05 * expected.abs().mean()
    assert (got.argmax(1) == expected.argmax(1)).float().mean() > 0.95
    assert torch.equal(runner.run(windows()), got)
    assert runner.run(windows(1, (8, 16, 8))).shape == (1, 3, 8, 16, 8)


@needs_openvino
def test_the_named_convolutions_and_no_others_are_of_integers() -> None:
    network = a_network("segresnet")
    ranges = ranges_of(network, windows())

    counts = []
    for n_named in (len(ranges), 3):
        named = dict(list(ranges.items())[:n_named])
        runner = OpenVinoBackend(a_network("segresnet"), CPU, "int8", (4, 4, 4), named)
        runner.run(windows(1))
        counts.append(len(in_integers(runner)))

    assert counts == [len(ranges), 3]


@needs_openvino
def test_an_ensemble_that_is_taken_apart_keeps_its_ranges() -> None:
    network = a_network("ensemble")
    ranges = ranges_of(network, windows())
    with torch.inference_mode():
        expected = network(windows(1))

    runner = OpenVinoBackend(take_apart(network), CPU, "int8", (4, 4, 4), ranges)
    got = runner.run(windows(1)).view(1, 2, 3, *expected.shape[2:]).mean(1)

    assert (got - expected).abs().mean() < 0.05 * expected.abs().mean()


class OfOneSize(nn.Module):
    """Is traced anew for every size."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + int(x.shape[2])


@needs_openvino
def test_a_network_of_one_size_is_in_8_bits_at_every_size() -> None:
    network = OfOneSize()
    with torch.inference_mode():
        expected = [network(torch.ones(1, 1, side, 4, 4) * 0.3) for side in (4, 8)]

    runner = OpenVinoBackend(network, CPU, "int8", None, {"conv.weight": (0.0, 2.0)})

    for answer in expected:
        got = runner.run(torch.ones(1, 1, answer.shape[2], 4, 4) * 0.3)
        torch.testing.assert_close(got, answer, atol=0.05, rtol=0)
        assert not torch.equal(got, answer)


LARGE_WEIGHTS = """
import torch
from torch import nn
from atlastumor.inference.backends import quantizing
from atlastumor.inference.backends.openvino_backend import OpenVinoBackend
from atlastumor.inference.device import choose_device

quantizing._COMMANDS = ()  # as on a CPU without such commands
torch.manual_seed(0)
network = nn.Sequential(nn.Conv3d(1, 32, 1), nn.ReLU(), nn.Conv3d(32, 32, 3, padding=1)).eval()
network[0].weight.data.fill_(1.0)
network[0].bias.data.zero_()
network[2].weight.data.uniform_(0.9, 1.0)
x = 0.9 + 0.1 * torch.rand(1, 1, 16, 16, 16)
with torch.inference_mode():
    expected = network(x)
runner = OpenVinoBackend(network, choose_device("cpu"), "int8", (2, 2, 2), {"2.weight": (0.0, 1.0)})
print(float((runner.run(x) - expected).abs().max() / expected.abs().max()))
"""


@needs_openvino
@pytest.mark.parametrize("commands", ["AVX2", "AVX512_CORE"])
def test_nothing_overflows_where_a_cpu_adds_up_in_16_bits(commands: str) -> None:
    environment = library_environment() | {"ONEDNN_MAX_CPU_ISA": commands}

    done = subprocess.run(
        [sys.executable, "-c", LARGE_WEIGHTS],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(done.stdout) < 0.02


@needs_openvino
def test_ranges_of_another_network_are_refused() -> None:
    ranges = {"down.3.conv.weight": (0.0, 1.0), "segresnet.conv_final.2.conv.bias": (0.0, 1.0)}

    with pytest.raises(CardError, match="another network's: 2 of 2 belong to no convolution"):
        OpenVinoBackend(a_network("segresnet"), CPU, "int8", (4, 4, 4), ranges)


def test_who_cannot_run_int8_says_what_can(a_model: ModelCard) -> None:
    with pytest.raises(CardError, match=r"atlastumor models calibrate tiny SCAN"):
        Segmenter(a_model, device="cpu", precision="int8")
    with pytest.raises(DeviceError, match="torch does not run int8; choose the backend openvino"):
        Segmenter(a_model, device="cpu", backend="torch", precision="int8")
    with pytest.raises(DeviceError, match="int8 is for CPUs, not for A GPU"):
        choose_precision("int8", GPU)


def test_nobody_gets_int8_who_did_not_ask_for_it() -> None:
    ranges = QuantizationSpec({"a.weight": (0.0, 1.0)}, "a scan")
    card = replace(a_card("unet"), quantization=ranges)

    assert choose_precision("auto", CPU) in {"fp32", "bf16"}
    assert choose_precision("auto", CPU, card) in {"fp32", "bf16"}
    assert name_backend("auto", "int8", CPU) == "openvino"


@needs_openvino
@pytest.mark.parametrize(
    ("commands", "backend", "precision"),
    [
        ({"avx512_vnni"}, "auto", "int8"),
        ({"avx_vnni"}, "openvino", "int8"),
        ({"avx512_vnni"}, "torch", "fp32"),
        ({"avx2"}, "auto", "fp32"),
        ({"avx512_vnni", "avx512_bf16"}, "auto", "bf16"),
        ({"amx_int8", "amx_bf16"}, "auto", "bf16"),
    ],
)
def test_auto_takes_int8_for_models_that_prefer_it_where_it_is_the_fastest(
    monkeypatch: pytest.MonkeyPatch, commands: set[str], backend: str, precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(commands, True))
    ranges = QuantizationSpec({"a.weight": (0.0, 1.0)}, "a scan", preferred=True)
    card = replace(a_card("unet"), quantization=ranges)

    assert choose_precision("auto", CPU, card, backend) == precision
    assert choose_precision("fp32", CPU, card, backend) == "fp32"
    assert name_backend(backend, "auto", CPU) == ("torch" if backend == "torch" else "openvino")


def test_gpus_and_recipes_stay_in_floating_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_vnni": True})
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    ranges = QuantizationSpec({"a.weight": (0.0, 1.0)}, "a scan", preferred=True)

    assert choose_precision("auto", GPU, replace(a_card("unet"), quantization=ranges)) == "bf16"
    assert choose_precision("auto", CPU) == "fp32"


def test_a_recipe_says_before_any_scan_whose_ranges_are_missing(kitchen: Kitchen) -> None:
    kitchen.add_recipe({"organs": ["liver"], "models": ["both"]})

    with pytest.raises(CardError, match="models calibrate both SCAN"):
        make_segmenter("mix", device="cpu", precision="int8")


@needs_openvino
def test_a_calibrated_model_segments_in_8_bits_and_says_so(
    a_model: ModelCard, a_scan: Scan
) -> None:
    ranges = measure_ranges(a_model, [a_scan])
    card = keep_ranges(a_model, ranges, data="one scan")

    plain = Segmenter(card, device="cpu", backend="torch", precision="fp32").segment(a_scan)
    found = Segmenter(card, device="cpu", precision="int8").segment(a_scan)

    assert found.provenance.precision == "int8"
    assert "'tiny' ran in 8 bits, in ranges measured on one scan." in found.provenance.notes
    assert (found.labels.array == plain.labels.array).mean() > 0.95


@needs_openvino
def test_the_embedded_model_is_calibrated() -> None:
    card = find_card("atlastumor-phantom-v0")
    assert isinstance(card, ModelCard)

    runner = Segmenter(card, device="cpu", precision="int8").backend

    runner.run(torch.rand(1, 1, 16, 16, 16))
    assert card.quantization is not None
    assert len(in_integers(runner)) == len(card.quantization.ranges)
