"""SegResNets of Auto3DSeg: the checkpoint says all there is to know."""

import copy

import numpy as np
import pytest
import torch

from atlastumor.errors import AtlasTumorError
from atlastumor.models.importing import import_model, recognize
from atlastumor.networks import load_network
from Backend.models.importing.bundle_mocks import make_network

CONFIG = {
    "bundle_root": "/somewhere/segresnet_0",
    "ckpt_path": "$@bundle_root + '/model'",
    "modality": "ct",
    "input_channels": 1,
    "output_classes": 3,
    "class_names": ["kidney", "tumor"],
    "class_index": None,
    "roi_size": [16, 24, 32],
    "orientation_ras": True,
    "crop_foreground": True,
    "sigmoid": False,
    "resample": True,
    "resample_resolution": [0.78, 0.78, 1.5],
    "normalize_mode": "range",
    "intensity_bounds": [-53.7, 258.1],
    "extra_modalities": {},
    "network": {
        "_target_": "monai.networks.nets.SegResNetDS",
        "init_filters": 4,
        "blocks_down": [1, 1, 1],
        "norm": "INSTANCE",
        "in_channels": 1,
        "out_channels": 3,
        "dsdepth": 2,
    },
    "loss": {"_target_": "DiceCELoss", "sigmoid": "$@sigmoid"},
}


def make_checkpoint(folder, config):
    folder.mkdir()
    network = make_network(CONFIG["network"])
    path = folder / "model.pt"
    state = {"state_dict": network.state_dict(), "config": config, "epoch": 3}
    torch.save(state | {"best_metric": np.float64(0.8)}, path)
    (folder / "hyper_parameters.yaml").write_text("roi_size: [16, 24, 32]\n")
    return path, network


def test_a_checkpoint_becomes_a_card_and_answers_as_there(tmp_path):
    path, network = make_checkpoint(tmp_path / "segresnet_0", CONFIG)

    card = import_model(path.parent, tmp_path / "models")

    assert recognize(path) == recognize(path.parent) == "auto3dseg"
    assert (card.input.orientation, card.input.spacing_mm) == ("RAS", (0.78, 0.78, 1.5))
    assert (card.input.normalize, card.input.clip_hu) == ("sigmoid", (-53.7, 258.1))
    assert (card.inference.patch, card.inference.overlap) == ((16, 24, 32), 0.625)
    assert (card.inference.windows, card.inference.blend) == ("stepped", "gaussian_monai")
    assert [o.kind for o in card.outputs] == ["background", "organ", "tumor"]
    assert "crops the scan" in card.source["differences"]
    window = torch.randn(1, 1, *card.inference.patch)
    with torch.inference_mode():
        torch.testing.assert_close(load_network(card)(window), network(window))


def test_sigmoid_classes_leave_out_the_background(tmp_path):
    config = {**CONFIG, "sigmoid": True, "class_names": ["kidney", {"name": "tumor"}, "cyst"]}
    path, _ = make_checkpoint(tmp_path / "a", config)

    card = import_model(path, tmp_path / "models")

    assert card.activation == "sigmoid"
    assert [o.kind for o in card.outputs] == ["organ", "tumor", "other"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resample": False}, "without a voxel size of its own"),
        ({"normalize_mode": "meanstd"}, "normalizes by 'meanstd'"),
        ({"extra_modalities": {"image2": "mri"}}, "'extra_modalities'"),
        ({"custom_data_transforms": [{"path": "x"}]}, "'custom_data_transforms'"),
        ({"input_channels": 2}, "wants 2 images"),
        ({"roi_size": [96, 96]}, "'roi_size'.*3 numbers"),
        ({"class_names": ["node", "tumor"]}, "Of which organ 'tumor' is"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path, changes, said):
    path, _ = make_checkpoint(tmp_path / "a", {**copy.deepcopy(CONFIG), **changes})

    with pytest.raises(AtlasTumorError, match=said):
        import_model(path, tmp_path / "models")
