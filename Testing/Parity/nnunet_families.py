"""Small models of nnU-Net v2, planned, trained and saved by nnU-Net's own classes.

Random weights give label maps of noise, in which every voxel is a near-tie and no two programs can
agree. So each network learns for seconds what band of smoothed density a voxel is in: useless for
medicine, but with the regions and the edges that label maps have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from Parity.learning import BANDS_HU, learn, smooth_bands

NETWORKS = "dynamic_network_architectures.architectures.unet."
CONFIGURATION = "3d_fullres"
# What the bands are called; the importer knows three of the names.
LABELS = {"background": 0, "liver": 1, "liver_tumor": 2, "pancreas": 3, "spleen": 4}
REGIONS = {"background": 0, "liver": [1, 2], "liver_tumor": 2, "pancreas": 3, "spleen": 4}
ORDER = [1, 2, 3, 4]


@dataclass(frozen=True)
class Family:
    """One kind of model; axes are nnU-Net's, after `transpose_forward`."""

    name: str
    network: str = "PlainConvUNet"
    normalization: str = "CTNormalization"
    reader: str = "SimpleITKIO"
    transpose: tuple[int, int, int] = (0, 1, 2)
    spacing: tuple[float, float, float] = (3.0, 2.5, 2.5)
    patch: tuple[int, int, int] = (32, 48, 48)
    kernels: tuple[tuple[int, int, int], ...] = ((3, 3, 3),) * 3
    strides: tuple[tuple[int, int, int], ...] = ((1, 1, 1), (2, 2, 2), (2, 2, 2))
    folds: int = 1
    regions: bool = False
    mirrored: bool = False
    torch_resampling: bool = False

    @property
    def folder(self) -> str:
        """A name for its files."""
        return self.name.replace(",", "").replace(" ", "-")


FAMILIES = (
    Family("ResEnc-M", "ResidualEncoderUNet"),
    Family(
        "plain, z-score",
        normalization="ZScoreNormalization",
        reader="NibabelIO",
        transpose=(2, 0, 1),
        spacing=(2.5, 3.0, 2.6),
        patch=(48, 32, 40),
    ),
    Family("2 folds, mirrored", folds=2, mirrored=True, reader="NibabelIOWithReorient"),
    Family("regions", "ResidualEncoderUNet", regions=True, transpose=(1, 0, 2)),
    Family(
        "anisotropic",
        spacing=(8.0, 2.0, 2.0),
        patch=(12, 64, 64),
        kernels=((1, 3, 3), (3, 3, 3), (3, 3, 3)),
        strides=((1, 1, 1), (1, 2, 2), (2, 2, 2)),
    ),
    Family(
        "minmax, torch",
        "ResidualEncoderUNet",
        normalization="RescaleTo01Normalization",
        torch_resampling=True,
    ),
)


def prepare(family: Family, scan: Path, folder: Path, *, steps: int) -> Path:
    """Train and write a model as nnU-Net leaves it; a finished one is kept."""
    target = (
        folder
        / family.folder
        / "Dataset900_Parity"
        / f"nnUNetTrainer__nnUNetPlans__{CONFIGURATION}"
    )
    done = target / f"trained_{steps}"
    if done.is_file():
        return target
    plans, dataset = make_plans(family, scan), make_dataset(family)
    for fold in range(family.folds):
        (target / f"fold_{fold}").mkdir(parents=True, exist_ok=True)
        network = train(family, plans, dataset, scan, steps=steps, seed=fold)
        torch.save(
            make_checkpoint(family, network, plans, dataset, fold),
            target / f"fold_{fold}" / "checkpoint_final.pth",
        )
    (target / "plans.json").write_text(json.dumps(plans, indent=2))
    (target / "dataset.json").write_text(json.dumps(dataset, indent=2))
    done.touch()
    return target


def make_dataset(family: Family) -> dict[str, Any]:
    """dataset.json."""
    dataset = {
        "channel_names": {"0": "CT"},
        "labels": REGIONS if family.regions else LABELS,
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    return dataset | ({"regions_class_order": ORDER} if family.regions else {})


def make_plans(family: Family, scan: Path) -> dict[str, Any]:
    """plans.json, the densities measured on the scan as nnU-Net measures its foreground."""
    import nibabel

    hu = np.asarray(nibabel.load(scan).dataobj)[::3, ::3, ::2]
    body = hu[hu > BANDS_HU[0]]
    low, high = (float(value) for value in np.percentile(body, (0.5, 99.5)))
    facts = {"mean": float(body.mean()), "std": float(body.std())}
    facts |= {"percentile_00_5": low, "percentile_99_5": high}
    backward = [family.transpose.index(axis) for axis in range(3)]
    return {
        "dataset_name": "Dataset900_Parity",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": list(family.spacing),
        "original_median_shape_after_transp": list(family.patch),
        "image_reader_writer": family.reader,
        "transpose_forward": list(family.transpose),
        "transpose_backward": backward,
        "configurations": {CONFIGURATION: make_configuration(family)},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": facts},
    }


def make_configuration(family: Family) -> dict[str, Any]:
    """The part of the plans that is one network's."""
    function = "resample_data_or_seg_to_shape"
    options: dict[str, Any] = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    back = options | {"order": 1}
    if family.torch_resampling:
        function = "resample_torch_fornnunet"
        options = {"is_seg": False, "force_separate_z": False, "memefficient_seg_resampling": False}
        back = options
    return {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(family.patch),
        "median_image_size_in_voxels": list(family.patch),
        "spacing": list(family.spacing),
        "normalization_schemes": [family.normalization],
        "use_mask_for_norm": [False],
        "resampling_fn_data": function,
        "resampling_fn_data_kwargs": options,
        "resampling_fn_seg": function,
        "resampling_fn_seg_kwargs": options
        | {"is_seg": True}
        | ({} if family.torch_resampling else {"order": 1}),
        "resampling_fn_probabilities": function,
        "resampling_fn_probabilities_kwargs": back,
        "architecture": make_architecture(family),
        "batch_dice": False,
    }


def make_architecture(family: Family) -> dict[str, Any]:
    """A network of three stages, with nnU-Net's layers and few channels."""
    blocks = "n_blocks_per_stage" if family.network.startswith("Residual") else "n_conv_per_stage"
    return {
        "network_class_name": NETWORKS + family.network,
        "arch_kwargs": {
            "n_stages": 3,
            "features_per_stage": [8, 16, 24],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [list(kernel) for kernel in family.kernels],
            "strides": [list(stride) for stride in family.strides],
            blocks: [1, 2, 2],
            "n_conv_per_stage_decoder": [1, 1],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def train(
    family: Family,
    plans: dict[str, Any],
    dataset: dict[str, Any],
    scan: Path,
    *,
    steps: int,
    seed: int,
) -> torch.nn.Module:
    """Learn the bands from what nnU-Net's preprocessor makes of the scan."""
    manager = PlansManager(plans)
    configuration = manager.get_configuration(CONFIGURATION)
    image, properties = manager.image_reader_writer_class().read_images([str(scan)])
    bands = smooth_bands(image[0], properties["spacing"])[None].astype(np.float32)
    data, labels, _ = DefaultPreprocessor(verbose=False).run_case_npy(
        image, bands, properties, manager, configuration, dataset
    )
    labels = np.maximum(labels, 0)
    heads = manager.get_label_manager(dataset).num_segmentation_heads
    torch.manual_seed(seed)
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        1,
        heads,
        allow_init=True,
        deep_supervision=False,
    )
    regions = [np.atleast_1d(r) for n, r in REGIONS.items() if n != "background"]
    targets = None
    if family.regions:
        targets = np.stack([np.isin(labels[0], region) for region in regions]).astype(np.float32)
    learn(network, data[0], labels[0], family.patch, steps=steps, seed=seed, targets=targets)
    return network.eval()


def make_checkpoint(
    family: Family,
    network: torch.nn.Module,
    plans: dict[str, Any],
    dataset: dict[str, Any],
    fold: int,
) -> dict[str, Any]:
    """What nnUNetTrainer.save_checkpoint writes."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.99, nesterov=True)
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": optimizer.state_dict(),
        "grad_scaler_state": None,
        "logging": {"train_losses": [0.5], "epoch_start_timestamps": [0.0]},
        "_best_ema": np.float64(0.9),
        "current_epoch": 1000,
        "init_args": {
            "plans": plans,
            "configuration": CONFIGURATION,
            "fold": fold,
            "dataset_json": dataset,
            "device": torch.device("cpu"),
        },
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1) if family.mirrored else None,
    }
