"""Architectures with layers of their own agree with themselves in every backend."""

import pytest
import torch

from atlastumor.inference.backends import choose_backend
from atlastumor.models.card import parse_card
from atlastumor.networks import build_network, find_multiple
from Backend.inference.test_backends import CPU, WAYS, needs_openvino
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


@needs_openvino
@pytest.mark.parametrize(
    ("name", "args", "window"),
    [
        ("unetr", {"num_heads": 2}, (16, 32, 16)),
        ("unetr", {"num_heads": 4}, (32, 32, 16)),
        ("swin_unetr", {}, (32, 32, 96)),  # 24 heads and, in the last stage, 2 x 2 x 6 tokens
    ],
)
def test_an_attention_with_as_many_heads_as_tokens_is_not_wrong_in_openvino(name, args, window):
    sizes = {
        "unetr": {"img_size": list(window), "feature_size": 4, "hidden_size": 24, "mlp_dim": 48},
        "swin_unetr": {"feature_size": 12, "depths": [1, 1, 1, 1]},
    }
    data = card_data()
    data["network"] = {"name": name, "args": {**sizes[name], **args}}
    torch.manual_seed(3)
    network = build_network(name, 3, data["network"]["args"])
    for weight in network.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.1)
    x = torch.randn(1, 1, *window)
    with torch.inference_mode():
        expected = network(x)

    runner = choose_backend("openvino", "fp32", CPU, network, parse_card(data))

    torch.testing.assert_close(
        runner.run(x), expected, rtol=0, atol=1e-3 * float(expected.abs().max())
    )
