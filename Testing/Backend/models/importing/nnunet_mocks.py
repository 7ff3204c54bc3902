"""Folders as nnU-Net v2 writes them, made of its own networks, small and random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

TRAINED = "nnUNetTrainer__nnUNetPlans__3d_fullres"
LABELS = {"background": 0, "liver": 1, "tumor": 2}
KERNELS = [[1, 3, 3], [3, 3, 3], [3, 3, 3]]
STRIDES = [[1, 1, 1], [1, 2, 2], [2, 2, 2]]
FEATURES = [4, 8, 12]
FACTS = {
    "mean": 80.0,
    "std": 60.0,
    "median": 85.0,
    "min": -900.0,
    "max": 900.0,
    "percentile_00_5": -120.0,
    "percentile_99_5": 230.0,
}


def make_architecture(class_name: str) -> dict[str, Any]:
    """The `architecture` of new plans."""
    blocks = "n_conv_per_stage" if class_name == "PlainConvUNet" else "n_blocks_per_stage"
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{class_name}",
        "arch_kwargs": {
            "n_stages": 3,
            "features_per_stage": FEATURES,
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": KERNELS,
            "strides": STRIDES,
            blocks: [2, 2, 2],
            "n_conv_per_stage_decoder": [2, 2],
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


def make_plans(class_name: str = "PlainConvUNet", *, is_old: bool = False) -> dict[str, Any]:
    """plans.json of an anisotropic CT; its axes are (k, j, i)."""
    fullres: dict[str, Any] = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [8, 16, 24],
        "median_image_size_in_voxels": [40.0, 60.0, 70.0],
        "spacing": [5.0, 2.0, 1.5],
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {
            "is_seg": False,
            "order": 3,
            "order_z": 0,
            "force_separate_z": None,
        },
        "batch_dice": True,
    }
    if is_old:
        fullres |= {
            "UNet_class_name": class_name,
            "UNet_base_num_features": 4,
            "n_conv_per_stage_encoder": [2, 2, 2],
            "n_conv_per_stage_decoder": [2, 2],
            "num_pool_per_axis": [1, 2, 2],
            "pool_op_kernel_sizes": STRIDES,
            "conv_kernel_sizes": KERNELS,
            "unet_max_num_features": 12,
        }
    else:
        fullres["architecture"] = make_architecture(class_name)
    return {
        "dataset_name": "Dataset003_Liver",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {
            "2d": {**fullres, "patch_size": [16, 16]},
            "3d_fullres": fullres,
            "3d_bs4": {"batch_size": 4, "inherits_from": "3d_fullres"},
            "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
        },
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": FACTS},
    }


def make_dataset(labels: dict[str, Any] | None = None) -> dict[str, Any]:
    """dataset.json."""
    labels = labels or LABELS
    return {
        "channel_names": {"0": "CT"},
        "labels": labels,
        "numTraining": 3,
        "file_ending": ".nii.gz",
        "regions_class_order": [n + 1 for n in range(len(labels) - 1)],
    }


def make_network(class_name: str, n_outputs: int, seed: int = 0) -> nn.Module:
    """What nnU-Net builds of `make_plans`."""
    torch.manual_seed(seed)
    is_plain = class_name == "PlainConvUNet"
    network: nn.Module = (PlainConvUNet if is_plain else ResidualEncoderUNet)(
        input_channels=1,
        n_stages=3,
        features_per_stage=FEATURES,
        conv_op=nn.Conv3d,
        kernel_sizes=KERNELS,
        strides=STRIDES,
        num_classes=n_outputs,
        n_conv_per_stage_decoder=[2, 2],
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
        **{"n_conv_per_stage" if is_plain else "n_blocks_per_stage": [2, 2, 2]},
    )
    for parameter in network.parameters():  # also those that begin as 0 or 1
        nn.init.normal_(parameter, std=0.3)
    return network.eval()


def save_checkpoint(
    network: nn.Module,
    path: Path,
    plans: dict[str, Any],
    dataset: dict[str, Any],
    *,
    configuration: str = "3d_fullres",
    prefix: str = "",
    mirror: tuple[int, ...] | None = (0, 1, 2),
) -> None:
    """What nnU-Net's trainer saves, training's leavings included."""
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.99, nesterov=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        {
            "network_weights": {prefix + name: t for name, t in network.state_dict().items()},
            "optimizer_state": optimizer.state_dict(),
            "grad_scaler_state": None,
            "logging": {"ema_fg_dice": [np.float64(0.5)], "lrs": [0.01]},
            "_best_ema": np.float64(0.5),
            "current_epoch": 1000,
            "init_args": {
                "plans": plans,
                "configuration": configuration,
                "fold": 0,
                "dataset_json": dataset,
                "device": torch.device("cpu"),
            },
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": mirror,
        },
        path,
    )


def make_trained(
    folder: Path,
    plans: dict[str, Any] | None = None,
    dataset: dict[str, Any] | None = None,
    *,
    networks: dict[str, nn.Module] | None = None,
    configuration: str = "3d_fullres",
    **options: Any,
) -> Path:
    """A trained model's folder; `networks` by fold, such as {"0": network}."""
    plans, dataset = plans or make_plans(), dataset or make_dataset()
    trained = folder / "Dataset003_Liver" / TRAINED.replace("3d_fullres", configuration)
    trained.mkdir(parents=True)
    (trained / "plans.json").write_text(json.dumps(plans))
    (trained / "dataset.json").write_text(json.dumps(dataset))
    networks = networks or {"0": make_network("PlainConvUNet", len(dataset["labels"]))}
    for fold, network in networks.items():
        path = trained / f"fold_{fold}" / "checkpoint_final.pth"
        save_checkpoint(network, path, plans, dataset, configuration=configuration, **options)
    return trained
