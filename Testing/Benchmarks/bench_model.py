"""One ResEnc-M for both sides: our card and safetensors, nnU-Net's plans and checkpoint.

Random weights give label maps of noise, in which every voxel is a near-tie and no two programs can
agree. So the network is trained for minutes on bands of smoothed density of the scan itself:
useless for medicine, but with the regions and the clear edges that label maps have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from atlastumor.inference.calibrating import measure_ranges
from atlastumor.inference.preprocess import preprocess
from atlastumor.models.card import ModelCard, card_to_dict, load_card, parse_card
from atlastumor.models.specs import InputSpec
from atlastumor.models.store import keep_ranges
from atlastumor.models.weights import save_weights
from atlastumor.networks import build_network
from atlastumor.organs import ORGANS
from atlastumor.scans import read_scan

# Air below the first; then five organs; tumor above the last.
BANDS_HU = (-220.0, -50.0, 20.0, 70.0, 130.0, 250.0)
SMOOTHING_VOXELS = 2.0
COARSER = 2  # training sees every second voxel: a crop holds air, fat and bone to measure by
CONFIGURATION = "3d_fullres"
NETWORK_CLASS = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
PLANS: dict[str, dict[str, Any]] = {
    "medium": {  # nnU-Net's ResEnc-M at 1.5 mm: pooling stops where a side would fall below 4
        "patch": [128, 160, 112],
        "spacing": 1.5,
        "features_per_stage": [32, 64, 128, 256, 320, 320],
        "strides": [[1, 1, 1], *[[2, 2, 2]] * 4, [2, 2, 1]],
        "n_blocks_per_stage": [1, 3, 4, 6, 6, 6],
    },
    "tiny": {  # to try the benchmark itself
        "patch": [64, 64, 48],
        "spacing": 3.0,
        "features_per_stage": [8, 16, 32],
        "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
        "n_blocks_per_stage": [1, 2, 2],
    },
}


def prepare_model(folder: Path, scan_path: Path, *, plan: str, steps: int, seed: int = 0) -> Path:
    """Train and write the model, unless this very one is there already; returns its card."""
    card_path = folder / "bench.json"
    recipe = {"plan": plan, "steps": steps, "seed": seed, "scan": scan_path.name, "int8": True}
    note = folder / "recipe.json"
    if note.is_file() and json.loads(note.read_text()) == recipe and card_path.is_file():
        return card_path
    folder.mkdir(parents=True, exist_ok=True)
    network, spec = train(scan_path, plan, steps, seed)
    digest, size = save_weights(network.state_dict(), folder / "bench.safetensors")
    card = make_card(plan, spec, digest, size)
    card_path.write_text(json.dumps(card_to_dict(card), indent=2))
    card = load_card(card_path)
    ranges = measure_ranges(card, [read_scan(scan_path)])
    keep_ranges(card, ranges, data=f"{scan_path.name}, which is also what is segmented")
    write_nnunet_folder(folder / "nnunet", plan, spec, network.state_dict())
    note.write_text(json.dumps(recipe))
    return card_path


def network_args(plan: str) -> dict[str, Any]:
    """The card's network arguments."""
    chosen = PLANS[plan]
    n = len(chosen["features_per_stage"])
    keys = ("features_per_stage", "strides", "n_blocks_per_stage")
    return {
        **{key: chosen[key] for key in keys},
        "kernel_sizes": [[3, 3, 3]] * n,
        "n_conv_per_stage_decoder": [1] * (n - 1),
    }


def find_spec(scan_path: Path, plan: str) -> InputSpec:
    """nnU-Net's input for this scan: its percentiles clip, then the z-score."""
    hu = read_scan(scan_path).array[::4, ::4, ::2].astype(np.float32)
    body = hu[hu > -500]
    low, high = (float(round(v)) for v in np.percentile(body, (0.5, 99.5)))
    clipped = np.clip(body, low, high)
    mean, std = round(float(clipped.mean()), 2), round(float(clipped.std()), 2)
    mm = PLANS[plan]["spacing"]
    return InputSpec("RAS", (mm, mm, mm), (low, high), "zscore", 3, mean=mean, std=std)


def train(scan_path: Path, plan: str, steps: int, seed: int) -> tuple[torch.nn.Module, InputSpec]:
    """Fit the bands on crops of the scan, seeded.

    Instance norm takes the absolute density away; a crop must be wide enough to hold air, fat and
    bone, from which the network tells it again. Hence the coarser voxels.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    spec = find_spec(scan_path, plan)
    image = preprocess(read_scan(scan_path), spec, device="cpu").array.numpy()
    image = image[::COARSER, ::COARSER, ::COARSER]
    smooth = ndimage.gaussian_filter(image, SMOOTHING_VOXELS)
    bands = (np.array(BANDS_HU) - spec.mean) / spec.std
    labels = np.digitize(smooth, bands).astype(np.int64)
    network = build_network("resenc_unet", len(BANDS_HU) + 1, network_args(plan)).train()
    network.apply(type(network).initialize)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    side = 64 if plan == "medium" else 32
    for step in range(steps):
        x, y = sample_crop(image, labels, side, rng)
        # Not in bf16: the gradients of the medium plan do not stay finite in it on CPUs.
        loss = torch.nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0, error_if_nonfinite=True)
        optimizer.step()
        schedule.step()
        if step % 10 == 0 or step == steps - 1:
            print(f"  step {step + 1} of {steps}: loss {loss.item():.3f}", flush=True)
    return network.eval(), spec


def sample_crop(
    image: np.ndarray, labels: np.ndarray, side: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """One random cube, (1, 1, S, S, S) and its labels (1, S, S, S)."""
    pad = [(0, max(side - n, 0)) for n in image.shape]
    image, labels = np.pad(image, pad, mode="edge"), np.pad(labels, pad, mode="edge")
    # About a voxel of the body: a crop of nothing but air is constant, and instance norm's gradient
    # explodes on it.
    inside = np.argwhere(labels > 0)
    middle = inside[rng.integers(len(inside))]
    start = [
        int(np.clip(m - side // 2, 0, n - side)) for m, n in zip(middle, image.shape, strict=True)
    ]
    cube = tuple(slice(a, a + side) for a in start)
    return torch.from_numpy(image[cube].copy())[None, None], torch.from_numpy(labels[cube].copy())[
        None
    ]


def make_card(plan: str, spec: InputSpec, digest: str, size: int) -> ModelCard:
    """Our card of the model: five organs and one's tumors, arg-max alone."""
    keys = [organ.key for organ in ORGANS if not organ.sides]
    kinds = [*((key, "organ") for key in keys), (keys[0], "tumor")]
    outputs: list[dict[str, Any]] = [{"channel": 0, "kind": "background"}]
    for channel, (key, kind) in enumerate(kinds, start=1):
        outputs.append({"channel": channel, "kind": kind, "organ": key})
    section = {"orientation": spec.orientation, "normalize": spec.normalize}
    section |= {"spacing_mm": list(spec.spacing_mm), "clip_hu": list(spec.clip_hu)}
    section |= {"resample_order": spec.resample_order, "mean": spec.mean, "std": spec.std}
    return parse_card({
        "schema": 1, "id": "bench", "title": "Benchmark", "version": "1", "license": "none",
        "summary": "Bands of smoothed density.", "source": {},
        "weights": {"file": "bench.safetensors", "sha256": digest, "bytes": size},
        "network": {"name": "resenc_unet", "args": network_args(plan)},
        "input": section,
        "inference": {"patch": PLANS[plan]["patch"], "overlap": 0.5, "mirror_axes": [0, 1, 2]},
        "outputs": outputs, "activation": "softmax", "thresholds": {}, "postprocess": {},
        "evaluation": [], "limits": "For benchmarks only; not for clinical use.",
    })  # fmt: skip


def write_nnunet_folder(folder: Path, plan: str, spec: InputSpec, state: dict[str, Any]) -> None:
    """The same model as nnU-Net v2 writes it after training."""
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    names = ["background", *(f"band{n}" for n in range(1, len(BANDS_HU) + 1))]
    dataset = {
        "channel_names": {"0": "CT"},
        "labels": {name: value for value, name in enumerate(names)},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(dataset))
    (folder / "plans.json").write_text(json.dumps(make_plans(plan, spec), indent=2))
    checkpoint = {
        "network_weights": state,
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": CONFIGURATION},
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")


def make_plans(plan: str, spec: InputSpec) -> dict[str, Any]:
    """nnU-Net's plans: its own resampling, axes turned to RAS so that the network sees the same."""
    args = network_args(plan)
    low, high = spec.clip_hu
    intensity = {"mean": spec.mean, "std": spec.std}
    intensity |= {"percentile_00_5": low, "percentile_99_5": high}
    resample = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    configuration = {
        "data_identifier": "bench", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
        "patch_size": PLANS[plan]["patch"], "spacing": list(spec.spacing_mm),
        "median_image_size_in_voxels": PLANS[plan]["patch"],
        "normalization_schemes": ["CTNormalization"], "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": resample,
        "resampling_fn_seg_kwargs": resample | {"is_seg": True, "order": 1},
        "resampling_fn_probabilities_kwargs": resample | {"order": 1},
        "architecture": {
            "network_class_name": NETWORK_CLASS,
            "arch_kwargs": {
                "n_stages": len(args["features_per_stage"]), **args,
                "conv_op": "torch.nn.modules.conv.Conv3d", "conv_bias": True,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None, "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": False,
    }  # fmt: skip
    return {
        "dataset_name": "Dataset999_Bench",
        "plans_name": "nnUNetResEncUNetMPlans",
        "original_median_spacing_after_transp": list(spec.spacing_mm),
        "original_median_shape_after_transp": PLANS[plan]["patch"],
        "image_reader_writer": "NibabelIOWithReorient",
        "transpose_forward": [2, 1, 0],
        "transpose_backward": [2, 1, 0],
        "configurations": {CONFIGURATION: configuration},
        "experiment_planner_used": "nnUNetPlannerResEncM",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensity},
    }
