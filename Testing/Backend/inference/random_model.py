"""A small model of random weights, as it lies on disk."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from atlastumor.models.weights import save_weights
from atlastumor.networks import build_network

__all__ = ["write_model"]

OUTPUTS = [
    {"channel": 0, "kind": "background"},
    {"channel": 1, "kind": "organ", "organ": "liver"},
    {"channel": 2, "kind": "tumor", "organ": "liver"},
    {"channel": 3, "kind": "organ", "organ": "kidney"},
    {"channel": 4, "kind": "tumor", "organ": "kidney"},
]


def write_model(folder: Path) -> Path:
    """A card with a network of random weights, as a file."""
    args = {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}
    torch.manual_seed(0)
    network = build_network("segresnet", len(OUTPUTS), args)
    sha256, size = save_weights(network.state_dict(), folder / "tiny.safetensors")
    card = {
        "schema": 1,
        "id": "tiny",
        "title": "Tiny",
        "version": "1.2.3",
        "summary": "Random.",
        "license": "Apache-2.0",
        "source": {"paper": "none"},
        "weights": {"file": "tiny.safetensors", "sha256": sha256, "bytes": size},
        "network": {"name": "segresnet", "args": args},
        "input": {
            "orientation": "RAS",
            "spacing_mm": [3.0, 3.0, 3.0],
            "clip_hu": [-1000, 1000],
            "normalize": "unit",
            "resample_order": 1,
        },
        "inference": {"patch": [16, 16, 16], "overlap": 0.5, "mirror_axes": [0]},
        "outputs": OUTPUTS,
        "activation": "softmax",
        "thresholds": {"liver": 0.5},
        "postprocess": {"min_lesion_ml": 0.0},
        "evaluation": [],
        "limits": "For tests.",
    }
    path = folder / "tiny.json"
    path.write_text(json.dumps(card))
    return path
