"""Surface Dice and HD95 against DeepMind's own package, in the same run: speed and agreement.

Needs `surface-distance`, which `make bench-surface` installs. Ways take turns, so that another
program's load falls on both alike; the least CPU time counts, as neither uses threads. The masks
are a small tumor, lesions scattered over the scan, and a mask as large as a liver.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from atlastumor.detection.surface import measure_surfaces, surface_dice

SPACING_MM = (1.0, 0.8, 0.8)
TOLERANCE_MM = 2.0
MOST_APART = 1e-12
Pair = tuple[np.ndarray, np.ndarray]
Scores = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="300,512,512", help="voxels along the three axes")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    shape = tuple(int(n) for n in options.shape.split(","))
    theirs = load_deepmind()
    print(f"{' x '.join(map(str, shape))} voxels of {SPACING_MM} mm, {TOLERANCE_MM} mm")
    for name, (prediction, reference) in make_pairs(shape):
        ways = {
            "surface-distance": lambda p=prediction, r=reference: theirs(p, r),
            "NSD": lambda p=prediction, r=reference: (measure_nsd(p, r), math.nan),
            "NSD and HD95": lambda p=prediction, r=reference: measure_both(p, r),
        }
        compare(f"{name}, {np.count_nonzero(reference)} voxels", ways, options.turns)


def measure_nsd(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Our NSD."""
    return surface_dice(prediction, reference, spacing_mm=SPACING_MM, tolerance_mm=TOLERANCE_MM)


def measure_both(prediction: np.ndarray, reference: np.ndarray) -> Scores:
    """Our NSD and HD95."""
    scores = measure_surfaces(
        prediction, reference, spacing_mm=SPACING_MM, tolerance_mm=TOLERANCE_MM
    )
    return scores.nsd, scores.hd95_mm


def load_deepmind() -> Callable[[np.ndarray, np.ndarray], Scores]:
    """The package's NSD and HD95 of prediction and reference."""
    warnings.simplefilter("ignore")  # it calls scipy by names that will go
    try:
        from surface_distance import metrics
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. See `--help`.")

    def measure(prediction: np.ndarray, reference: np.ndarray) -> Scores:
        distances = metrics.compute_surface_distances(reference, prediction, SPACING_MM)
        nsd = metrics.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM)
        return float(nsd), float(metrics.compute_robust_hausdorff(distances, 95.0))

    return measure


def compare(name: str, ways: dict[str, Callable[[], Scores]], turns: int) -> None:
    """Print a row for each way."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    answers: dict[str, Scores] = {}
    for _ in range(turns):
        for way, run in ways.items():
            started = time.process_time()
            answers[way] = run()
            times[way].append(time.process_time() - started)
    first = next(iter(ways))
    print(name)
    for way in ways:
        ratio = min(times[first]) / min(times[way])
        nsd, hd95 = (abs(a - b) for a, b in zip(answers[way], answers[first], strict=True))
        if nsd > MOST_APART or hd95 > MOST_APART:
            sys.exit(f"{way}: {answers[way]}, not {answers[first]}.")
        apart = f"NSD differs by {nsd:.1e}" + ("" if math.isnan(hd95) else f", HD95 by {hd95:.1e}")
        print(f"  {way:18s} {min(times[way]):8.3f} s  {ratio:6.1f} x   {apart}", flush=True)


def make_pairs(shape: tuple[int, ...]) -> Iterator[tuple[str, Pair]]:
    middle = np.array(shape) / 2
    for name, balls in (
        ("small tumor", [(middle, 10.0)]),
        ("scattered lesions", list(scatter(shape, 19))),
        ("organ", [(middle, 0.3 * min(np.array(shape) * SPACING_MM))]),
    ):
        yield name, (paint(shape, balls, shift=1.5), paint(shape, balls, shift=0.0))


def scatter(shape: tuple[int, ...], n: int) -> Iterator[tuple[np.ndarray, float]]:
    generator = np.random.default_rng(0)
    for _ in range(n):
        radius = float(generator.uniform(4.0, 18.0))
        yield generator.uniform(0.1, 0.9, 3) * shape, radius


def paint(
    shape: tuple[int, ...], balls: list[tuple[np.ndarray, float]], *, shift: float
) -> np.ndarray:
    """Balls with a ragged rim, moved by `shift` mm along the first axis."""
    mask = np.zeros(shape, bool)
    generator = np.random.default_rng(1)
    for center, radius in balls:
        moved = center + np.array([shift / SPACING_MM[0], 0, 0])
        reach = (radius + 2) / np.array(SPACING_MM) + 1
        low = np.maximum(moved - reach, 0).astype(int)
        high = np.minimum(moved + reach + 1, shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        ijk = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), -1)
        mm = np.linalg.norm((ijk - moved) * SPACING_MM, axis=-1)
        mask[box] |= mm + generator.normal(0, 0.5, mm.shape) <= radius
    return mask


if __name__ == "__main__":
    main()
