"""The pool of anatomies and their scans that training draws from, made once and kept."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from ..organs import KEYS
from ..phantom import TumorOptions, list_training_seeds, make_anatomy
from .contents import foam_stool
from .patches import Sample, mirror
from .processes import ALONE, Processes
from .recipe import Recipe
from .samples import CroppedAnatomy, draw_sample
from .scans import ScannedAnatomy, draw_scanned, scan_anatomy

__all__ = ["SampleStream", "make_pool", "make_scans", "scan_of"]

_log = logging.getLogger(__name__)

_CROWDED = TumorOptions(per_organ_probability=0.85, count_range=(2, 5), clear_probability=0.0)
"""More tumors than people have, so that a patch teaches about several: 15 in an anatomy."""


def make_pool(folder: Path, recipe: Recipe, *, workers: int) -> list[Path]:
    """Make the anatomies that are not in the folder yet.

    Args:
        folder: Where they are kept, one npz each; made if needed.
        recipe: How many, and from which seed.
        workers: Processes to make them with.

    Returns:
        The files, in order of seed.

    Raises:
        InputError: If they would be of other seeds than those for this training.
    """
    seeds = list_training_seeds(recipe.seed, recipe.n_anatomies)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"anatomy-{seed:06d}.npz" for seed in seeds]
    missing = [path for path in paths if not path.exists()]
    with ProcessPoolExecutor(workers) as executor:
        spacing = [recipe.anatomy_mm] * len(missing)
        for done, path in enumerate(executor.map(_make_one, missing, spacing), start=1):
            _log.info("Anatomy %d of %d: %s", done, len(missing), path.name)
    return paths


def _seed_of(anatomy: Path) -> int:
    return int(anatomy.stem.split("-")[1])


def _make_one(path: Path, spacing_mm: float) -> Path:
    seed = _seed_of(path)
    anatomy = make_anatomy(seed, spacing_mm=spacing_mm, tumors=_CROWDED, varied=True)
    centers = [anatomy.grid.to_ijk(lesion.center_ras) for lesion in anatomy.lesions]
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            tissues=foam_stool(anatomy.tissues, spacing_mm, np.random.default_rng([seed, 0])),
            centers=np.array(centers, np.float64).reshape(-1, 3),
            organs=np.array([KEYS.index(lesion.organ) for lesion in anatomy.lesions], np.int64),
        )
    partial.rename(path)
    return path


def make_scans(anatomies: list[Path], recipe: Recipe, *, workers: int) -> None:
    """Scan the anatomies of a pool as often as the recipe asks, where that was not done yet.

    Args:
        anatomies: From `make_pool`; scans are kept beside them.
        recipe: How many of each, and what the network sees of them.
        workers: Processes to make them with.
    """
    every = [(path, number) for path in anatomies for number in range(recipe.scans_each)]
    missing = [(path, n) for path, n in every if not scan_of(path, n).exists()]
    with ProcessPoolExecutor(workers) as executor:
        made = executor.map(_scan_one, *zip(*missing, strict=True), [recipe] * len(missing))
        for done, path in enumerate(made, start=1):
            _log.info("Scan %d of %d: %s", done, len(missing), path.name)


def scan_of(anatomy: Path, number: int) -> Path:
    """Name the file of an anatomy's scan of this number."""
    return anatomy.with_name(f"{anatomy.stem}-scan-{number}.npz")


def _scan_one(anatomy: Path, number: int, recipe: Recipe) -> Path:
    torch.set_num_threads(1)
    with np.load(anatomy, allow_pickle=False) as data:
        tissues = data["tissues"]
    path = scan_of(anatomy, number)
    rng = np.random.default_rng([_seed_of(anatomy), number])
    scan_anatomy(tissues, recipe, rng).save(path)
    return path


class SampleStream(torch.utils.data.IterableDataset[Sample]):
    """A process's samples of a run from step `start` on; each depends on its number alone."""

    def __init__(
        self, paths: list[Path], recipe: Recipe, start: int, processes: Processes = ALONE
    ) -> None:
        """Remember what to draw; anatomies are loaded when first needed."""
        self.paths, self.recipe, self.start, self.processes = paths, recipe, start, processes
        self._loaded: dict[Path, CroppedAnatomy] = {}

    def __iter__(self) -> Iterator[Sample]:
        """Draw the samples of this worker's share of the steps, in order."""
        worker = torch.utils.data.get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        torch.set_num_threads(1)
        steps = self.processes.share(self.start, self.recipe.steps, self.recipe.batch)
        for numbers in islice(steps, first, None, stride):
            for number in numbers:
                rng = np.random.default_rng([self.recipe.seed, number])
                paths = self._paths_of(number)
                sample = self._draw(paths[rng.integers(len(paths))], rng)
                yield mirror(sample) if rng.random() < self.recipe.mirrored else sample

    def _draw(self, anatomy: Path, rng: np.random.Generator) -> Sample:
        """Cut a patch from one of an anatomy's scans, or render one."""
        if rng.random() >= self.recipe.scan_share:
            return draw_sample(self._load(anatomy), self.recipe, rng)
        scan = scan_of(anatomy, int(rng.integers(self.recipe.scans_each)))
        return draw_scanned(ScannedAnatomy.load(scan), self.recipe, rng)

    def _paths_of(self, number: int) -> list[Path]:
        """Divide the pool among a step's patches: a process that draws one holds a share of it."""
        n = min(self.recipe.batch, len(self.paths))
        return self.paths[number % n :: n]

    def _load(self, path: Path) -> CroppedAnatomy:
        if path not in self._loaded:
            with np.load(path, allow_pickle=False) as data:
                self._loaded[path] = CroppedAnatomy(
                    data["tissues"], data["centers"], data["organs"]
                )
        return self._loaded[path]
