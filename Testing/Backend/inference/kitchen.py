"""Models of a recipe whose answers are known, and a scan for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from atlastumor import make_segmenter
from atlastumor.inference import engine
from atlastumor.inference.recipes import RecipeSegmenter
from atlastumor.models.specs import ModelCard
from atlastumor.volume import Grid, Scan

from ..models.card_examples import card_data

LIVER, LIVER_TUMOR, KIDNEYS, KIDNEY_TUMOR = 5, 27, (3, 4), 29
BOTH = ["liver", "liver tumor", "kidney", "kidney tumor"]
BORDERS = (-100.0, 100.0, 200.0, 300.0)


class ByDensity(nn.Module):
    """Knows a new channel from each of some rising densities on, HU."""

    def __init__(self, borders: Sequence[float]) -> None:
        super().__init__()
        self.borders = borders

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = [torch.zeros_like(x)]
        for border in self.borders:
            logits.append(logits[-1] + (x * 2000.0 - 1000.0 - border) / 20.0)
        return torch.cat(logits, dim=1)


class Folds(nn.Module):
    """The mean of several, as an ensemble."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([member(x) for member in self.children()]).mean(dim=0)


class Kitchen:
    """A models folder in which every model tells organs and tumors by their density."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.networks: dict[str, nn.Module] = {}
        self.loaded: list[str] = []
        monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(folder))
        monkeypatch.setattr(engine, "load_network", self._load)

    def _load(self, card: ModelCard, **_where: object) -> nn.Module:
        self.loaded.append(card.id)
        return self.networks[card.id]

    def add_model(
        self,
        model_id: str,
        channels: Sequence[str],
        *borders: Sequence[float],
        **more: Any,
    ) -> None:
        """Add a model; of `channels` such as "liver tumor", the n-th begins at the n-th border.

        Several rows of borders make an ensemble.
        """
        card = card_data() | {"id": model_id, "thresholds": {}, "postprocess": {}, **more}
        card["weights"] = {"file": f"{model_id}.safetensors", "sha256": "ab" * 32, "bytes": 1}
        card["input"] |= {"spacing_mm": [3.0] * 3, "clip_hu": [-1000, 1000]}
        card["inference"] = {"patch": [16, 16, 16], **more.get("inference", {})}
        card["outputs"] = [{"channel": 0, "kind": "background"}]
        for name in channels:
            organ, _, kind = name.partition(" ")
            meaning = (
                {"kind": kind or "organ", "organ": organ}
                if organ != "lesion"
                else {"kind": "lesion"}
            )
            card["outputs"].append({"channel": len(card["outputs"]), **meaning})
        members = [ByDensity(row) for row in borders]
        self.networks[model_id] = members[0]
        if len(members) > 1:
            inner = card["network"]
            args = {"network": inner["name"], "args": inner["args"], "members": len(members)}
            card["network"] = {"name": "ensemble", "args": args}
            self.networks[model_id] = Folds()
            for n, member in enumerate(members):
                self.networks[model_id].add_module(f"member_{n}", member)
        (self.folder / f"{model_id}.json").write_text(json.dumps(card))
        (self.folder / f"{model_id}.safetensors").write_bytes(b"0")

    def add_recipe(self, *parts: Mapping[str, Any], **more: Any) -> None:
        """Add the recipe "mix"."""
        (self.folder / "mix.json").write_text(json.dumps(recipe_data(*parts, **more)))


def recipe_data(*parts: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The recipe "mix"."""
    return {
        "schema": 1,
        "id": "mix",
        "title": "Mix",
        "version": "1",
        "summary": "For tests.",
        "parts": list(parts),
        "limits": "For tests.",
        **more,
    }


def a_scan_of_two_organs() -> Scan:
    """Fat at -150 HU with a liver at 0 and a kidney at 250; tumors at 150 and 350 HU."""
    array = np.full((40, 40, 40), -150, np.int16)
    array[8:18, 8:18, 10:22] = 0
    array[10:15, 10:15, 12:18] = 150
    array[26:34, 8:18, 10:22] = 250
    array[28:32, 10:15, 12:18] = 350
    return Scan(array, Grid(array.shape, np.diag([3.0, 3.0, 3.0, 1.0])))


def open_mix(**more: object) -> RecipeSegmenter:
    """The segmenter of the recipe "mix"."""
    segmenter = make_segmenter("mix", device="cpu", backend="torch", precision="fp32", **more)
    assert isinstance(segmenter, RecipeSegmenter)
    return segmenter
