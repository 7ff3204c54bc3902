"""The thresholds of a card, chosen on phantoms that neither trained the network nor test it.

Every organ's probability map is swept once over all thresholds. Then a false positive is given a
price, the same in every organ, and every organ takes the threshold at which lesions found less the
price of false positives are most; the lowest price that keeps within what is allowed decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..detection.reference import find_reference_lesions
from ..detection.rules import HIT_RULES, HitRule
from ..detection.sweep import CaseSweep, SweepOptions, sweep_case
from ..detection.sweep_files import load_sweep, save_sweep
from ..errors import InputError
from ..organs import KEYS, ORGANS, Organ
from ..phantom import Phantom, make_phantom
from ..progress import Progress, ignore_progress
from .card_hash import hash_for_sweeps
from .workers import segmenter_of

__all__ = ["ChosenThresholds", "choose_thresholds", "sweep_phantoms"]

_FLOOR = 0.05
_GRID = (0.998, 0.995, 0.99, 0.97, *(round(1 - 0.05 * step, 2) for step in range(1, 20)))
_PRICES = np.linspace(0.0, 5.0, 501)  # lesions that one false positive is worth


@dataclass(frozen=True)
class ChosenThresholds:
    """Thresholds, and what they give on the phantoms they were chosen on.

    Args:
        thresholds: By organ key.
        n_lesions: Reference lesions.
        n_found: Those found.
        n_false: False positives.
        n_scans: Phantoms.
    """

    thresholds: Mapping[str, float]
    n_lesions: int
    n_found: int
    n_false: int
    n_scans: int


def sweep_phantoms(
    model: str,
    seeds: Sequence[int],
    *,
    folder: Path,
    workers: int = 2,
    progress: Progress = ignore_progress,
) -> dict[str, list[CaseSweep]]:
    """Sweep the maps of phantoms; those that the folder holds are not made again.

    Args:
        model: Model id.
        seeds: One phantom each.
        folder: Where sweeps are kept; made if needed.
        workers: Processes, each with its own copy of the network on the CPU.
        progress: Told after every phantom.

    Returns:
        By organ key, one sweep per seed.

    Raises:
        InputError: If the folder holds sweeps of another card.
    """
    _claim(folder, hash_for_sweeps(model))
    with ProcessPoolExecutor(workers) as executor:
        jobs = executor.map(_sweep_one, [model] * len(seeds), seeds, [folder] * len(seeds))
        for number, seed in enumerate(jobs, start=1):
            progress(number / len(seeds), f"Phantom {seed}")
    return {key: [load_sweep(_path(folder, seed, key)) for seed in seeds] for key in KEYS}


def choose_thresholds(
    sweeps: Mapping[str, Sequence[CaseSweep]],
    *,
    most_false_per_scan: float,
    rule: HitRule = HIT_RULES["union-iou"],
) -> ChosenThresholds:
    """Find the thresholds that together find the most lesions.

    Args:
        sweeps: By organ key, one sweep per phantom.
        most_false_per_scan: False positives over all organs that are allowed.
        rule: When a lesion is found.

    Returns:
        The thresholds, and what they give on these phantoms.
    """
    n_scans = len(next(iter(sweeps.values())))
    floor = max(case.options.floor for organ in sweeps.values() for case in organ)
    grid = [threshold for threshold in _GRID if threshold >= floor]
    counts = {key: _count(organ, rule, grid) for key, organ in sweeps.items()}
    for price in _PRICES:
        best = {key: _middle_best(found - price * false) for key, (found, false) in counts.items()}
        n_false = sum(int(counts[key][1][n]) for key, n in best.items())
        if n_false <= most_false_per_scan * n_scans:
            break
    return ChosenThresholds(
        {key: grid[n] for key, n in best.items()},
        sum(len(case.lesions) for organ in sweeps.values() for case in organ),
        sum(int(counts[key][0][n]) for key, n in best.items()),
        n_false,
        n_scans,
    )


def _middle_best(worth: npt.NDArray[np.float64]) -> int:
    """Of several equally good thresholds the middle one: the furthest from where it goes wrong."""
    best = np.flatnonzero(worth == worth.max())
    return int(best[len(best) // 2])


def _count(
    sweeps: Sequence[CaseSweep], rule: HitRule, grid: Sequence[float]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lesions found and false positives of an organ at each threshold of the grid."""
    found, false = np.zeros(len(grid), np.int64), np.zeros(len(grid), np.int64)
    for sweep in sweeps:
        hits = sweep.hits(rule)
        for n, threshold in enumerate(grid):
            row = sweep.at(threshold)
            if row >= 0:
                found[n] += int(hits[row].sum())
                false[n] += int(sweep.n_false[row])
    return found, false


def _claim(folder: Path, card: str) -> None:
    """Make the folder, and write down whose sweeps it holds before there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "card.txt"
    held = mark.read_text(encoding="ascii", errors="replace").strip() if mark.exists() else ""
    if held == card:
        return
    if held or any(folder.glob("*.npz")):
        msg = (
            f"The folder {folder} holds sweeps of another card ({held or 'unknown'}, where {card} "
            "is needed). Name another folder, or move it away."
        )
        raise InputError(msg)
    mark.write_text(card, encoding="ascii")


def _path(folder: Path, seed: int, organ: str) -> Path:
    return folder / f"{seed}-{organ}.npz"


def _sweep_one(model: str, seed: int, folder: Path) -> int:
    """Sweep the organs of one phantom."""
    if all(_path(folder, seed, key).exists() for key in KEYS):
        return seed
    phantom = make_phantom(seed)
    segmenter = segmenter_of(model)
    card = segmenter.card.postprocess
    floor = card.outline or _FLOOR  # below the outline, thresholds would draw outlines of their own
    low = segmenter.segment(phantom.scan, thresholds=dict.fromkeys(KEYS, floor), probabilities=True)
    options = SweepOptions(floor=floor, min_volume_mm3=1000 * card.min_lesion_ml)
    for organ in ORGANS:
        probability = low.probabilities[organ.key].to_grid(phantom.scan.grid)
        # What the clean-up took out at the lowest threshold is out at every threshold.
        probability[low.labels.array != organ.tumor_label] = 0
        sweep = _sweep_organ(organ, phantom, probability.astype(np.float32), options)
        save_sweep(sweep, _path(folder, seed, organ.key))
    return seed


def _sweep_organ(
    organ: Organ, phantom: Phantom, probability: npt.NDArray[np.float32], options: SweepOptions
) -> CaseSweep:
    lesions = find_reference_lesions(
        phantom.labels.array == organ.tumor_label, spacing_mm=phantom.scan.grid.spacing_mm
    )
    case = str(phantom.description["seed"])
    return sweep_case(case, organ.key, probability, lesions, options=options)
