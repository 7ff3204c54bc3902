"""Make a model of a checkpoint that somebody published: one card says all that the file does not.

The "published" file is made here, of the embedded model's weights, as a training framework would
have saved it. Its card is `06_card.json`, beside this file.

Run: python 06_add_a_model.py folder
"""

import sys
from pathlib import Path

import torch

from atlastumor.models import find_card
from atlastumor.models.importing import import_model
from atlastumor.models.store import remove_model, verify_model
from atlastumor.networks import load_network

folder = Path(sys.argv[1])
network = load_network(find_card("atlastumor-phantom-v0"))
state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
torch.save({"epoch": 100, "state_dict": state}, folder / "published.pt")

card = import_model(folder / "published.pt", folder, card=Path(__file__).with_name("06_card.json"))
print(f"{card.id}: {card.title} ({card.license})")
for output in card.outputs:
    print(f"  channel {output.channel}: {output.kind} {output.organ or ''}".rstrip())

verify_model(card.id, folder)
print("It is whole.")
remove_model(card.id, folder)
