"""A network that takes no time, and small scans, as files: for whole runs of many cases."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import nibabel
import numpy as np

from Backend.models.card_examples import card_data
from Backend.scans.bodies import a_body

TINY = "tiny-v1"
_DIFFERENT = 8


def write_model(folder: Path, *, seed: int = 0) -> Path:
    """A models folder with a network of random weights, the same for the same seed."""
    import torch

    from atlastumor.models.weights import save_weights
    from atlastumor.networks import build_network

    torch.manual_seed(seed)
    card = card_data() | {"id": TINY, "thresholds": {"liver": None}}
    card["input"]["spacing_mm"] = [8.0, 8.0, 8.0]
    card["inference"]["patch"] = [32, 32, 32]
    network = build_network("segresnet", 3, card["network"]["args"])
    folder.mkdir(parents=True, exist_ok=True)
    sha256, size = save_weights(network.state_dict(), folder / "tiny.safetensors")
    card["weights"] = {"file": "tiny.safetensors", "sha256": sha256, "bytes": size}
    (folder / "tiny.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def write_scans(folder: Path, n: int) -> list[Path]:
    """Body-like scans; after eight different ones the same bytes come again."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"s{k:03d}.nii.gz" for k in range(n)]
    for k, path in enumerate(paths):
        if k >= _DIFFERENT:
            path.write_bytes(paths[k % _DIFFERENT].read_bytes())
            continue
        hu = a_body((28 + k, 24, 16))
        nibabel.save(nibabel.Nifti1Image(hu, np.diag([6.0, 6.0, 8.0, 1.0])), path)
    return paths


def batch_command(*words: object) -> list[str]:
    """`atlastumor batch`, as a process is started with it."""
    return [sys.executable, "-m", "atlastumor", "batch", *map(str, words)]


def library_environment() -> dict[str, str]:
    """The environment in which that command is found; one thread, since tests share the cores."""
    library = str(Path(__file__).resolve().parents[3] / "AtlasTumorLib")
    return {**os.environ, "PYTHONPATH": library, "OMP_NUM_THREADS": "1"}
