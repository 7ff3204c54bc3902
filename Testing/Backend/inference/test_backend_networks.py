"""Architectures with layers of their own agree with themselves in every backend."""

import pytest
import torch

from atlastumor.inference.backends import choose_backend
from atlastumor.models.card import parse_card
from atlastumor.networks import build_network, find_multiple
from Backend.inference.test_backends import CPU, WAYS
from Backend.models.card_examples import card_data, small_args


@pytest.mark.parametrize("name", ["dints", "medformer", "stunet"])
@pytest.mark.parametrize(("backend", "precision"), WAYS[:3])
def test_a_network_agrees_with_itself_in_every_backend(backend, precision, name):
    torch.manual_seed(3)
    data = card_data()
    data["network"] = {"name": name, "args": small_args(name)}
    network = build_network(name, 3, small_args(name))
    x = torch.randn(1, 1, *(3 * m for m in find_multiple(name, small_args(name))))
    with torch.inference_mode():
        expected = network(x)

    runner = choose_backend(backend, precision, CPU, network, parse_card(data))

    difference = (runner.run(x).float() - expected).abs()
    scale = expected.abs().max()
    assert difference.max() < (1e-3 if precision == "fp32" else 0.3) * scale
    assert difference.mean() < (1e-4 if precision == "fp32" else 0.02) * scale
