"""Bundles as MONAI's model zoo lays them out, around networks of MONAI's own."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import nn

UNET = {
    "_target_": "UNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 3,
    "channels": [4, 8, 12],
    "strides": [2, 2],
    "num_res_units": 2,
    "norm": "batch",
}
CONFIG: dict[str, Any] = {
    "imports": ["$import glob", "$import os"],
    "bundle_root": ".",
    "output_dir": "$@bundle_root + '/eval'",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "patch": [16, 24, 32],
    "network_def": UNET,
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {
                "_target_": "Spacingd",
                "keys": "image",
                "pixdim": [1.5, 1.5, 2.0],
                "mode": "bilinear",
            },
            {
                "_target_": "ScaleIntensityRanged",
                "keys": "image",
                "a_min": -57,
                "a_max": 164,
                "b_min": 0,
                "b_max": 1,
                "clip": True,
            },
            {"_target_": "EnsureTyped", "keys": "image", "device": "@device"},
        ],
    },
    "dataset": {"_target_": "Dataset", "data": "$[]", "transform": "@preprocessing"},
    "inferer": {
        "_target_": "SlidingWindowInferer",
        "roi_size": "@patch",
        "sw_batch_size": 4,
        "device": "$torch.device('cpu')",
        "overlap": 0.5,
    },
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {
                "_target_": "Invertd",
                "keys": "pred",
                "transform": "@preprocessing",
                "orig_keys": "image",
                "nearest_interp": False,
                "to_tensor": True,
            },
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
        ],
    },
    "run": ["$@evaluator.run()"],
}
METADATA: dict[str, Any] = {
    "version": "0.1.0",
    "monai_version": "1.4.0",
    "name": "Pancreas CT segmentation",
    "authors": "Somebody",
    "copyright": "Copyright (c) Somebody",
    "network_data_format": {
        "inputs": {"image": {"num_channels": 1}},
        "outputs": {
            "pred": {"channel_def": {"0": "background", "1": "pancreas", "2": "pancreatic tumor"}}
        },
    },
}


def make_network(spec: dict[str, Any], seed: int = 0) -> nn.Module:
    """What MONAI itself builds of a `network_def`."""
    torch.manual_seed(seed)
    network: nn.Module = ConfigParser(spec).get_parsed_content()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    return network.eval()


def change(path: list[Any], value: Any, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """The configuration with one value put in, or taken out where it is None."""
    changed = copy.deepcopy(config or CONFIG)
    *parents, last = path
    place: Any = changed
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


def make_bundle(
    folder: Path,
    config: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    *,
    network: nn.Module | None = None,
) -> Path:
    """A bundle's folder."""
    config = config or CONFIG
    bundle = folder / "pancreas_ct"
    (bundle / "configs").mkdir(parents=True)
    (bundle / "models").mkdir()
    (bundle / "configs" / "inference.json").write_text(json.dumps(config))
    (bundle / "configs" / "metadata.json").write_text(json.dumps(metadata or METADATA))
    network = network or make_network(UNET)
    torch.save(network.state_dict(), bundle / "models" / "model.pt")
    return bundle
