"""Ranges for 8 bits: measured on windows of scans, for the layers that bear them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from atlastumor.errors import Cancelled, InputError
from atlastumor.inference import calibrating
from atlastumor.inference.calibrating import choose_layers, measure_ranges
from atlastumor.models.card import parse_card
from atlastumor.models.specs import ModelCard
from atlastumor.networks import load_network
from atlastumor.progress import CancelToken
from atlastumor.volume import Scan
from Backend.models.card_examples import card_data


def test_ranges_are_for_convolutions_of_several_channels_and_voxels(
    a_model: ModelCard, a_scan: Scan
) -> None:
    ranges = measure_ranges(a_model, [a_scan])

    shapes = {name: tensor.shape for name, tensor in load_network(a_model).named_parameters()}
    assert ranges
    assert all(low <= 0 < high for low, high in ranges.values())
    assert all(shapes[name][1] > 1 and max(shapes[name][2:]) > 1 for name in ranges)
    assert measure_ranges(a_model, [a_scan]) == ranges
    as_lists = {name: list(ends) for name, ends in ranges.items()}
    parse_card({**card_data(), "quantization": {"ranges": as_lists, "data": "one scan"}})


class Block(nn.Module):
    """A large convolution of activations, and a small one that decides what comes out."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.large = nn.Conv3d(2, 64, 3, padding=1)
        self.decisive = nn.Conv3d(2, 1, (3, 1, 1), padding=(1, 0, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seed = torch.Generator().manual_seed(0)
        self.active = torch.randn((1, 2, *x.shape[2:]), generator=seed).relu()
        return 0.02 * self.large(self.active) + self.decisive(self.active)


def test_what_decides_for_little_work_is_left_alone_and_the_rest_rounded_best(
    a_model: ModelCard, a_scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = Block()
    before = block.decisive.weight.detach().clone()
    monkeypatch.setattr(calibrating, "load_network", lambda *_, **__: block)

    ranges = measure_ranges(a_model, [a_scan])

    assert set(ranges) == {"large.weight"}
    low, high = ranges["large.weight"]
    largest = block.active.max().item()
    assert low == 0
    best = min(rounding_error(block.active, largest * share / 100) for share in range(10, 101))
    assert rounding_error(block.active, high) < 1.02 * best
    assert torch.equal(block.decisive.weight, before)


@pytest.mark.parametrize(
    ("errors", "kept"),
    [
        ({"a": 1e-6, "b": 1e-7, "c": 1e-7}, "abc"),  # hardly any, whoever brings it
        ({"a": 1e-3, "b": 1e-3, "c": 1e-3}, "abc"),  # as much as each has to do
        ({"a": 1e-3, "b": 1e-5, "c": 1e-2}, "ab"),  # mostly one's
        ({"a": 1e-7, "b": 1e-2, "c": 1e-2}, "a"),
    ],
)
def test_layers_that_bring_more_error_than_work_are_left_out(
    errors: dict[str, float], kept: str
) -> None:
    assert choose_layers(errors, {"a": 80, "b": 10, "c": 10}) == tuple(kept)


def rounding_error(x: torch.Tensor, high: float) -> float:
    step = high / 255
    return float(((x / step).round().clamp(max=255) * step - x).square().mean())


def test_what_cannot_be_measured_is_said(
    a_model: ModelCard, a_scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="at least one is needed"):
        measure_ranges(a_model, [])
    air = replace(a_scan, array=a_scan.array * 0 - 1000)
    with pytest.raises(InputError, match="shows no patient"):
        measure_ranges(a_model, [air])
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        measure_ranges(a_model, [a_scan], cancel=cancel)
    monkeypatch.setattr(calibrating, "load_network", lambda *_, **__: nn.Conv3d(1, 5, 1).eval())
    with pytest.raises(InputError, match="no convolutions to count in 8 bits"):
        measure_ranges(a_model, [a_scan])
