"""Small MONAI bundles, made, written and run by `monai.bundle` itself."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.bundle import init_bundle, run
from monai.bundle.utils import DEFAULT_INFERENCE, DEFAULT_METADATA
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.unet import UNet
from monai.transforms import Compose
from Parity.learning import learn, smooth_bands

NAMES = {"0": "background", "1": "liver", "2": "liver tumor", "3": "pancreas", "4": "spleen"}


@dataclass(frozen=True)
class Bundle:
    """One kind of bundle."""

    name: str
    network: dict[str, Any]
    axcodes: str
    pixdim: tuple[float, float, float]
    range_hu: tuple[float, float]
    roi: tuple[int, int, int]
    mode: str
    overlap: float
    inverts_labels: bool

    @property
    def folder(self) -> str:
        """A name for its files."""
        return self.name.replace(",", "").replace(" ", "-")


BUNDLES = (
    Bundle(
        "SegResNet, gaussian",
        {"_target_": "SegResNet", "init_filters": 8, "blocks_down": [1, 2], "blocks_up": [1]},
        "RAS",
        (2.5, 2.5, 3.0),
        (-175.0, 250.0),
        (48, 48, 32),
        "gaussian",
        0.5,
        inverts_labels=False,
    ),
    Bundle(
        "UNet, labels inverted",
        {"_target_": "UNet", "channels": [8, 16, 24], "strides": [2, 2], "num_res_units": 1},
        "LPS",
        (3.0, 2.0, 2.5),
        (-200.0, 300.0),
        (40, 48, 32),
        "constant",
        0.25,
        inverts_labels=True,
    ),
)
CLASSES = {"SegResNet": SegResNet, "UNet": UNet}


def make_preprocessing(bundle: Bundle) -> list[dict[str, Any]]:
    """The transforms before the network."""
    low, high = bundle.range_hu
    return [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": bundle.axcodes},
        {
            "_target_": "Spacingd",
            "keys": "image",
            "pixdim": list(bundle.pixdim),
            "mode": "bilinear",
        },
        {
            "_target_": "ScaleIntensityRanged",
            "keys": "image",
            "a_min": low,
            "a_max": high,
            "b_min": 0.0,
            "b_max": 1.0,
            "clip": True,
        },
        {"_target_": "EnsureTyped", "keys": "image"},
    ]


def make_postprocessing(bundle: Bundle) -> list[dict[str, Any]]:
    """The transforms behind the network."""
    softmax = {"_target_": "Activationsd", "keys": "pred", "softmax": True}
    argmax = {"_target_": "AsDiscreted", "keys": "pred", "argmax": True}
    invert = {
        "_target_": "Invertd",
        "keys": "pred",
        "transform": "@preprocessing",
        "orig_keys": "image",
        "nearest_interp": bundle.inverts_labels,
        "to_tensor": True,
    }
    save = {
        "_target_": "SaveImaged",
        "keys": "pred",
        "output_dir": "@output_dir",
        "output_dtype": "uint8",
        "separate_folder": False,
        "resample": False,
    }
    middle = [argmax, invert] if bundle.inverts_labels else [invert, argmax]
    return [softmax, *middle, save]


def prepare_bundle(bundle: Bundle, scan: Path, folder: Path, *, steps: int) -> Path:
    """Train and write a bundle; a finished one is kept."""
    root = folder / bundle.folder
    done = root / f"trained_{steps}"
    if done.is_file():
        return root
    shutil.rmtree(root, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    definition = {"spatial_dims": 3, "in_channels": 1, "out_channels": len(NAMES), **bundle.network}
    arguments = {key: value for key, value in definition.items() if key != "_target_"}
    torch.manual_seed(0)
    network = CLASSES[definition["_target_"]](**arguments)
    image, labels = load_case(bundle, scan)
    learn(network, image, labels, bundle.roi, steps=steps, seed=0)
    init_bundle(
        root,
        network=network.eval(),
        metadata_str=make_metadata(bundle),
        inference_str=make_inference(bundle, definition),
    )
    done.touch()
    return root


def load_case(bundle: Bundle, scan: Path) -> tuple[np.ndarray, np.ndarray]:
    """The scan as the network will see it, and its bands."""
    from monai.bundle import ConfigParser

    transforms = [ConfigParser(spec).get_parsed_content("") for spec in make_preprocessing(bundle)]
    image = Compose(transforms)({"image": str(scan)})["image"][0]
    raw = Compose(transforms[:4])({"image": str(scan)})["image"][0]
    return image.numpy(), smooth_bands(raw.numpy(), bundle.pixdim)


def make_metadata(bundle: Bundle) -> dict[str, Any]:
    """metadata.json."""
    output = {"channel_def": NAMES, "num_channels": len(NAMES)}
    return {
        **DEFAULT_METADATA,
        "name": bundle.name,
        "network_data_format": {"inputs": {"image": {}}, "outputs": {"pred": output}},
    }


def make_inference(bundle: Bundle, definition: dict[str, Any]) -> dict[str, Any]:
    """inference.json: MONAI's own template with this bundle's parts."""
    return {
        **DEFAULT_INFERENCE,
        "imports": ["$import glob", "$import os"],
        "device": "$torch.device('cpu')",
        "output_dir": "$@bundle_root + '/eval'",
        "datalist": "$list(sorted(glob.glob(@dataset_dir + '/*.nii.gz')))",
        "network_def": definition,
        "preprocessing": {"_target_": "Compose", "transforms": make_preprocessing(bundle)},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(bundle.roi),
            "sw_batch_size": 1,
            "overlap": bundle.overlap,
            "mode": bundle.mode,
        },
        "postprocessing": {"_target_": "Compose", "transforms": make_postprocessing(bundle)},
    }


def run_bundle(root: Path, scan: Path, out: Path) -> tuple[np.ndarray, float]:
    """Run a bundle on one scan as `python -m monai.bundle run` does; its labels and seconds."""
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    if not (data / scan.name).is_file():
        shutil.copy(scan, data / scan.name)
    started = time.perf_counter()
    run(
        run_id="evaluating",
        config_file=str(root / "configs" / "inference.json"),
        meta_file=str(root / "configs" / "metadata.json"),
        bundle_root=str(root),
        dataset_dir=str(data),
        output_dir=str(out),
    )
    seconds = time.perf_counter() - started
    stem = scan.name.removesuffix(".nii.gz")
    return np.asarray(nibabel.load(out / f"{stem}_trans.nii.gz").dataobj), seconds
