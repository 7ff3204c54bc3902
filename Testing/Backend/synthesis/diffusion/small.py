"""A small painter with random weights, as a card and a file, for what needs no trained one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from atlastumor.models.weights import save_weights
from atlastumor.synthesis.diffusion.network import CubeDenoiser

WIDTHS = (8, 8, 16)


def make_network(seed: int = 0) -> CubeDenoiser:
    """Random weights, the last layer's too, so that it predicts something."""
    torch.manual_seed(seed)
    network = CubeDenoiser(widths=WIDTHS).eval()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    return network


def write_painter(folder: Path, **changes: Any) -> Path:
    """Write a card and its weights."""
    network = make_network()
    sha256, size = save_weights(network.state_dict(), folder / "small.safetensors", half=True)
    card = {
        "schema": 1,
        "id": "small",
        "title": "Small",
        "version": "0.0.1",
        "summary": "For tests.",
        "license": "Apache-2.0",
        "source": {"data": "none"},
        "weights": {"file": "small.safetensors", "sha256": sha256, "bytes": size},
        "widths": list(WIDTHS),
        "evaluation": [],
        "limits": "For tests.",
    }
    path = folder / "small.json"
    path.write_text(json.dumps(card | changes), encoding="ascii")
    return path
