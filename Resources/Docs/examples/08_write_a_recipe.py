"""Take each organ from the model that is best at it, and see where two models disagree.

The recipe is `08_recipe.json`, beside this file. One of its models comes with AtlasTumor; the other
is made as in `06_add_a_model.py`.

Run: python 08_write_a_recipe.py folder scan.nii.gz
"""

import shutil
import sys
from pathlib import Path

import torch

from atlastumor import make_segmenter, read_scan
from atlastumor.models import find_card
from atlastumor.models.importing import import_model
from atlastumor.networks import load_network
from atlastumor.results import write_results

folder, scan = Path(sys.argv[1]), read_scan(Path(sys.argv[2]))
here = Path(__file__).parent
network = load_network(find_card("atlastumor-phantom-v0"))
torch.save({"state_dict": network.state_dict()}, folder / "published.pt")
import_model(folder / "published.pt", folder, card=here / "06_card.json")
shutil.copy(here / "08_recipe.json", folder)

segmenter = make_segmenter("two-models", models_dir=folder, disagreement=True)
for part in segmenter.card.parts:
    print(", ".join(part.organs), "from", " and ".join(part.models))

segmentation = segmenter.segment(scan)
for finding in segmentation.findings:
    print(f"{finding.organ}: {finding.message}")
print("Disagreement:", dict(segmentation.provenance.disagreement))
write_results(segmentation, scan, folder / "results", report=False)
