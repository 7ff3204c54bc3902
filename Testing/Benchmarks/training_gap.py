"""Compare what a network finds on patches rendered for training and on scans of the same anatomies.

    python Testing/Benchmarks/training_gap.py ID ... [-n 24] [--cache FOLDER]

The anatomies are new to every network, as crowded with tumors as those of training. Where a
network finds much more on the patches than on the scans, it learned the renderer's shortcuts, and
training on scans helps more than training for longer.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from monai.inferers.utils import sliding_window_inference
from scipy import ndimage

from atlastumor.cli.console import Console
from atlastumor.detection import find_reference_lesions, sweep_case
from atlastumor.detection.rules import HIT_RULES
from atlastumor.detection.sweep import CaseSweep, SweepOptions
from atlastumor.models.card import find_card
from atlastumor.networks import load_network
from atlastumor.organs import KEYS
from atlastumor.phantom.tumors import NEIGHBORS
from atlastumor.training.pool import SampleStream, make_pool, make_scans, scan_of
from atlastumor.training.recipe import FIRST_TUMOR, Recipe
from atlastumor.training.scans import ScannedAnatomy

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = 77  # of no training
MOST_FALSE = (0.25, 0.5, 1.0)
FLOOR, LEAST_VOXELS = 0.3, 2
Image = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="ID")
    parser.add_argument("-n", type=int, default=24, help="anatomies; three patches of each")
    parser.add_argument(
        "--cache", type=Path, default=REPOSITORY / "build" / "training-gap", help="for a rerun"
    )
    options = parser.parse_args()
    recipe = replace(
        Recipe(), seed=SEED, n_anatomies=options.n, scans_each=1, steps=3 * options.n, batch=1
    )
    workers = os.cpu_count() or 1
    paths = make_pool(options.cache, recipe, workers=workers)
    make_scans(paths, recipe, workers=workers)
    console = Console()
    console.say(f"{options.n} anatomies; {workers} cores, {platform.machine()}; tumors found at")
    rows = []
    for model in options.models:
        network = load_network(find_card(model))
        for name, images in (
            ("rendered patches", list_patches(paths, recipe)),
            ("scans", list_scans(paths)),
        ):
            sweeps = [sweep for image in images for sweep in sweep_image(network, image, recipe)]
            rows.append({"model": model, "on": name, **count(sweeps)})
    console.table(rows)


def list_patches(paths: list[Path], recipe: Recipe) -> Iterator[Image]:
    """Rendered patches, as training draws them."""
    for sample in SampleStream(paths, replace(recipe, scan_share=0.0), start=0):
        yield sample.image[0].numpy(), sample.channels.numpy()


def list_scans(paths: list[Path]) -> Iterator[Image]:
    """One scan of each anatomy, whole."""
    for path in paths:
        scan = ScannedAnatomy.load(scan_of(path, 0))
        yield scan.image.astype(np.float32), scan.channels


def sweep_image(network: torch.nn.Module, image: Image, recipe: Recipe) -> Iterator[CaseSweep]:
    """Sweep the network's tumor probabilities of one image, organ by organ."""
    array, channels = image
    spacing = (recipe.spacing_mm,) * 3
    least_mm3 = LEAST_VOXELS * recipe.spacing_mm**3
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        logits = sliding_window_inference(
            torch.from_numpy(array)[None, None], recipe.patch, 1, network, 0.5, mode="gaussian"
        )
    probability = logits.float().softmax(1)[0].numpy()
    options = SweepOptions(floor=FLOOR, min_volume_mm3=least_mm3)
    for row, key in enumerate(KEYS):
        lesions = find_reference_lesions(
            channels == FIRST_TUMOR + row, spacing_mm=spacing, min_volume_mm3=least_mm3
        )
        judged = judge(probability[FIRST_TUMOR + row])
        yield sweep_case("", key, judged, lesions, options=options)


def judge(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give every outlined lesion its mean probability, as the card has the engine do."""
    parts, _ = ndimage.label(probability >= FLOOR, NEIGHBORS)
    sums = np.bincount(parts.ravel(), probability.ravel())
    means = (sums / np.maximum(np.bincount(parts.ravel()), 1)).astype(np.float32)
    means[0] = 0.0
    judged: npt.NDArray[np.float32] = means[parts]
    return judged


def count(sweeps: Sequence[CaseSweep]) -> dict[str, str]:
    """Tumors found at one threshold for all organs, as false ones in an image are allowed."""
    n_images = len(sweeps) / len(KEYS)
    rule = HIT_RULES["union-iou"]
    found, false = [], []
    for threshold in np.linspace(0.999, FLOOR, 200):
        rows = [(sweep, sweep.at(threshold)) for sweep in sweeps]
        false.append(sum(int(s.n_false[r]) for s, r in rows if r >= 0) / n_images)
        found.append(sum(int(s.hits(rule)[r].sum()) for s, r in rows if r >= 0))
    n_lesions = sum(len(sweep.lesions) for sweep in sweeps)
    return {
        f"{most:g} false": f"{max(f for f, n in zip(found, false, strict=True) if n <= most)} "
        f"of {n_lesions}"
        for most in MOST_FALSE
    }


if __name__ == "__main__":
    main()
