"""A published model that is so small that tests fetch, import and run it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from atlastumor.models.catalog import CatalogEntry, find_entry
from Backend.models.shelf import offer

__all__ = ["TEMPLATE", "make_checkpoint", "make_entry"]

_LIKE = find_entry("difftumor-unet-liver")
TEMPLATE: dict[str, Any] = {
    "network": {"name": "unet", "args": {"channels": [4, 8], "strides": [2], "num_res_units": 1}},
    "input": {
        "orientation": "RAS",
        "spacing_mm": [3, 3, 3],
        "clip_hu": [-175, 250],
        "normalize": "unit",
        "resample_order": 1,
    },
    "inference": {"patch": [16, 16, 16]},
    "outputs": [
        {"channel": 0, "kind": "background"},
        {"channel": 1, "kind": "organ", "organ": "liver"},
        {"channel": 2, "kind": "tumor", "organ": "liver"},
    ],
    "activation": "softmax",
    "thresholds": {"liver": None},
    "postprocess": {},
}


def make_checkpoint(channels: int = 4) -> bytes:
    """A file as a training writes it, of the network of the template."""
    import torch

    from atlastumor.networks import build_network

    args = {**TEMPLATE["network"]["args"], "channels": [channels, 8]}
    file = io.BytesIO()
    torch.save({"state_dict": build_network("unet", 3, args).state_dict()}, file)
    return file.getvalue()


def make_entry(address: str, content: bytes = b"", **more: object) -> CatalogEntry:
    """The catalogue's entry of it; `more` goes into its file."""
    fields = {"method": "", "model": "tiny", "megabytes": 0, **more}
    return replace(
        _LIKE,
        id="tiny",
        title="Tiny",
        files=(offer(address, content, **fields),),
        template=TEMPLATE,
        parameters=None,
    )
