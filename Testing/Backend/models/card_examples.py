"""A small valid card, and arguments that make each network small."""

from __future__ import annotations

from typing import Any


def card_data() -> dict[str, Any]:
    """A card of a two-organ network whose weights nobody has."""
    return {
        "schema": 1,
        "id": "example-v1",
        "title": "Example",
        "version": "1.0",
        "summary": "A network for tests.",
        "license": "Apache-2.0",
        "source": {"repository": "https://example.org/atlas"},
        "weights": {"file": "example-v1.safetensors", "sha256": "0" * 64, "bytes": 1},
        "network": {"name": "segresnet", "args": small_args("segresnet")},
        "input": {
            "orientation": "RAS",
            "spacing_mm": [1.5, 1.5, 2.0],
            "clip_hu": [-175, 250],
            "normalize": "unit",
            "resample_order": 1,
        },
        "inference": {"patch": [32, 48, 16], "overlap": 0.5, "mirror_axes": [0]},
        "outputs": [
            {"channel": 0, "kind": "background"},
            {"channel": 1, "kind": "organ", "organ": "liver"},
            {"channel": 2, "kind": "tumor", "organ": "liver"},
        ],
        "activation": "softmax",
        "thresholds": {"liver": 0.5},
        "postprocess": {"min_lesion_ml": 0.1, "organ_margin_mm": 3, "largest_component": ["liver"]},
        "evaluation": [],
        "limits": "Not for clinical use.",
    }


_UNET = {
    "features_per_stage": [8, 16, 24],
    "kernel_sizes": [[3, 3, 1], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 2]],
    "n_conv_per_stage_decoder": [1, 1],
}
_SWIN = {"feature_size": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4]}
_SMALL_ARGS: dict[str, dict[str, Any]] = {
    "dynunet": {"filters": [4, 8, 8], "kernel_size": [3, 3, 3], "strides": [1, 2, [2, 2, 1]]},
    "dints": {
        "arch_code_a": [[1, 0, 1, 0], [0, 1, 0, 1]],
        "arch_code_c": [[1, 0, 2, 0], [0, 3, 0, 4]],
        "init_filters": 8,
    },
    "medformer": {
        "features_per_stage": [4, 8, 8, 8, 8],
        "conv_num": [1, 0, 1, 0, 0, 0, 1, 1],
        "trans_num": [0, 1, 1, 2, 1, 2, 0, 0],
        "num_heads": [1, 2, 4, 2, 2, 4, 1, 1],
        "map_size": [2, 3, 2],
        "expansion": 2,
        "fusion_dim": 8,
        "fusion_heads": 2,
        "fusion_depth": 1,
    },
    "generic_unet": {**_UNET, "n_conv_per_stage": [2, 2, 2], "n_conv_per_stage_decoder": [2, 2]},
    "plain_unet": {**_UNET, "n_conv_per_stage": [1, 2, 1]},
    "resenc_unet": {**_UNET, "n_blocks_per_stage": [1, 2, 1]},
    "resenc_unet_v1": {**_UNET, "n_blocks_per_stage": [1, 2, 1]},
    "stunet": {
        **{key: _UNET[key] for key in ("features_per_stage", "kernel_sizes", "strides")},
        "n_blocks_per_stage": [1, 2, 1],
    },
    "segresnet": {"init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1]},
    "segresnet_ds": {"init_filters": 8, "blocks_down": [1, 1, 1], "resolution": [1, 1, 3]},
    "swin_unetr": _SWIN,
    "unet": {"channels": [4, 8, 8], "strides": [2, [2, 2, 1]]},
    "unetr": {
        "img_size": [16, 32, 16],
        "feature_size": 4,
        "hidden_size": 24,
        "mlp_dim": 24,
        "num_heads": 2,
    },
    "universal": {"backbone_args": _SWIN, "num_groups": 4},
}


def small_args(name: str) -> dict[str, Any]:
    """Arguments that make a network small enough for a test."""
    if name == "ensemble":
        return {"network": "plain_unet", "args": small_args("plain_unet"), "members": 2}
    return dict(_SMALL_ARGS[name])
