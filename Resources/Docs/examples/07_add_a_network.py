"""Add an architecture: a builder, what its windows must be multiples of, and one line.

In the repository the two functions are a file in `networks/`, and the line is one in `NETWORKS`.

Run: python 07_add_a_network.py folder
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn

from atlastumor.models.importing import import_model
from atlastumor.networks import NETWORKS, Builder, load_network
from atlastumor.networks.arguments import fill_defaults, read_number


def build_two_convs(n_outputs, args):
    """Map (N, 1, I, J, K) to logits (N, n_outputs, I, J, K)."""
    width = read_number(fill_defaults(args, {"width": 8})["width"], "width", low=1, high=64)
    convs = nn.Conv3d(1, width, 3, padding=1), nn.Conv3d(width, n_outputs, 3, padding=1)
    return nn.Sequential(convs[0], nn.ReLU(), convs[1])


def find_multiple(_args):
    """Take windows of any size."""
    return 1, 1, 1


NETWORKS["two_convs"] = Builder(build_two_convs, find_multiple)

folder = Path(sys.argv[1])
card = json.loads(Path(__file__).with_name("06_card.json").read_text(encoding="utf-8"))
card["id"] = "two-convs"
card["network"] = {"name": "two_convs", "args": {"width": 4}}
state = build_two_convs(len(card["outputs"]), {"width": 4}).state_dict()
torch.save(state, folder / "two_convs.pt")

imported = import_model(folder / "two_convs.pt", folder, card=card)
logits = load_network(imported)(torch.zeros(1, 1, 16, 16, 16))
print(f"{imported.id} answers {tuple(logits.shape)}")
