"""A bundle that MONAI's tools wrote, imported: the labels are those of MONAI's own transforms.

`make parity` runs the same bundles, and nnU-Net's models, through the other programs' own runners.
"""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from Parity.monai_bundles import BUNDLES, Bundle, prepare_bundle
from scipy import ndimage

from atlastumor.inference.engine import Segmenter
from atlastumor.models.importing import import_model, recognize
from atlastumor.scans import read_scan

LABELS = np.array([0, 5, 27, 6, 0], np.uint8)  # of background, liver, its tumor, pancreas, spleen


@pytest.fixture
def a_scan(tmp_path: Path) -> Path:
    """Smooth densities in a frame of air, stored as (P, I, R)."""
    noise = np.random.default_rng(0).normal(size=(56, 44, 60))
    smooth = ndimage.gaussian_filter(noise, 5.0)
    hu = smooth / smooth.std() * 150.0
    hu[:4], hu[:, -5:] = -1000.0, -1000.0
    affine = np.array([[0, 0, 2.0, -60], [-2.4, 0, 0, 70], [0, -2.2, 0, 50], [0, 0, 0, 1.0]])
    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(hu.round().astype(np.int16), affine), path)
    return path


def run_monai(root: Path, scan: Path) -> np.ndarray:
    """The bundle's own transforms, inferer and network, without the engine around them."""
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(root / "configs" / "inference.json"))
    transforms = parser["postprocessing"]["transforms"]
    parser["postprocessing"]["transforms"] = [
        spec for spec in transforms if spec["_target_"] != "SaveImaged"
    ]
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(torch.load(root / "models" / "model.pt", weights_only=True))
    item = parser.get_parsed_content("preprocessing")({"image": str(scan)})
    with torch.inference_mode():
        windows = parser.get_parsed_content("inferer")
        item["pred"] = windows(item["image"][None], network.eval())[0]
    return parser.get_parsed_content("postprocessing")(item)["pred"][0].numpy().astype(int)


@pytest.mark.filterwarnings("ignore")  # MONAI's
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.folder)
def test_an_imported_bundle_labels_as_monai_does(
    bundle: Bundle, a_scan: Path, tmp_path: Path
) -> None:
    root = prepare_bundle(bundle, a_scan, tmp_path / "bundles", steps=25)
    assert recognize(root) == "bundle"

    card = import_model(root, tmp_path / "models")
    found = Segmenter(card, device="cpu", backend="torch", precision="fp32").segment(
        read_scan(a_scan)
    )

    expected = LABELS[run_monai(root, a_scan)]
    assert {5, 27} <= set(np.unique(expected))
    assert (found.labels.array != expected).sum() == 0
