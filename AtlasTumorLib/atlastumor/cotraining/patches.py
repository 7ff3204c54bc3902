"""One training patch: where it lies, what it holds, what of it is known.

Patch n of a run follows from the run's seed and n alone, whichever process draws it, so that a run
can be taken up at any step and gives the same patches with any number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from ..collections import UNKNOWN
from ..inference.intensity import normalize, padding_value
from ..models.specs import InputSpec, OutputSpec
from ..training.channels import channel_of_label
from .augment import Augmentation, widen
from .boxes import cut_box, overlap
from .channels import merge_channels
from .config import TrainingConfig
from .prepare import CachedCase
from .synthetic import Grower, Grown

__all__ = ["MADE", "NO_ROOM", "REAL", "Patch", "PatchSource"]

REAL, MADE, NO_ROOM = 0, 1, 2
_BOUNDS_MM = (22.0, 44.0)
"""Largest diameters of small and of medium lesions, between the classes of synthetic ones."""
_AWAY = 0.25  # of the patch: how far from the patch's center its target may lie

_Item = TypeVar("_Item")
Spot = tuple[CachedCase, tuple[tuple[int, int, int], ...]]


class Patch(NamedTuple):
    """A patch.

    Args:
        image: Normalized densities, (1, I, J, K) float32.
        channels: Reference channel of each voxel, (I, J, K) uint8.
        known: 1 where a voxel counts; 0 outside the scan and where nobody knows, (I, J, K) float32.
        into: Channel that each channel is merged into, (C,).
        origin: `REAL`, `MADE` with a synthetic tumor, or `NO_ROOM` where one was meant to be.
    """

    image: torch.Tensor
    channels: torch.Tensor
    known: torch.Tensor
    into: torch.Tensor
    origin: torch.Tensor


@dataclass(frozen=True)
class _Targets:
    """What patches can be centered on: by organ, and for tumors by organ and size."""

    organs: dict[str, list[Spot]]
    tumors: dict[str, dict[int, list[Spot]]]
    healthy: dict[str, list[CachedCase]]


class PatchSource(torch.utils.data.Dataset[Patch]):
    """All patches of a run, by number."""

    def __init__(
        self,
        cases: Sequence[CachedCase],
        config: TrainingConfig,
        spec: InputSpec,
        outputs: Sequence[OutputSpec],
        patch: tuple[int, int, int],
    ) -> None:
        """Remember what to draw from; scans are mapped when a patch needs them.

        Args:
            cases: Training cases, at least one.
            config: What to draw.
            spec: What the network wants.
            outputs: What it learns.
            patch: Size of a patch, voxels.
        """
        self._config, self._spec, self._patch = config, spec, patch
        self._cases = list(cases)
        self._table = channel_of_label(outputs)
        self._into = {
            case.folder: torch.from_numpy(merge_channels(outputs, case.organs, case.tumors))
            for case in cases
        }
        keys = {output.organ for output in outputs if output.organ is not None}
        self._targets = _find_targets(cases, keys)
        self._grower = Grower(config.synthetic, config.models_dir)
        self._augment = Augmentation(config, spec, patch) if config.augment else None

    def __getitem__(self, number: int) -> Patch:
        """Draw patch `number`."""
        rng = np.random.default_rng([self._config.seed, number])
        if self._targets.healthy and rng.random() < self._config.synthetic.probability:
            organ = _choose(sorted(self._targets.healthy), rng)
            case = _choose(self._targets.healthy[organ], rng)
            grown = self._grower.grow(case, organ, rng)
            if grown is not None:
                return self._cut(case, grown.center, rng, grown)
            return self._cut(case, _place((case, case.places[organ]), rng), rng, origin=NO_ROOM)
        case, center = self._choose_real(rng)
        return self._cut(case, center, rng)

    def _choose_real(self, rng: np.random.Generator) -> tuple[CachedCase, npt.NDArray[np.int64]]:
        """Choose a lesion, a place in an organ, or any place; rare ones as often as common ones."""
        targets = self._targets
        if targets.tumors and rng.random() < self._config.tumor_share:
            sizes = targets.tumors[_choose(sorted(targets.tumors), rng)]
            spot = _choose(sizes[_choose(sorted(sizes), rng)], rng)
            return spot[0], _place(spot, rng)
        if targets.organs and rng.random() < 0.8:
            spot = _choose(targets.organs[_choose(sorted(targets.organs), rng)], rng)
            return spot[0], _place(spot, rng)
        case = _choose(self._cases, rng)
        return case, rng.integers(0, case.open()[0].shape)

    def _cut(
        self,
        case: CachedCase,
        center: npt.NDArray[np.int64],
        rng: np.random.Generator,
        grown: Grown | None = None,
        *,
        origin: int = REAL,
    ) -> Patch:
        """Cut a patch around a voxel, paste what was grown, normalize and augment."""
        patch = np.array(self._patch)
        size = widen(patch) if self._augment else patch
        away = np.rint(rng.uniform(-_AWAY, _AWAY, 3) * patch).astype(np.int64)
        corner = center + away - size // 2
        volume_hu, volume_labels = case.open()
        _, inner = overlap(corner, size, np.array(volume_hu.shape))
        hu, labels = cut_box(volume_hu, corner, size), cut_box(volume_labels, corner, size)
        if grown is not None:
            origin = MADE
            into, from_ = overlap(grown.corner - corner, np.array(grown.hu.shape), size)
            hu[into], labels[into] = grown.hu[from_], grown.labels[from_]
        inside = np.zeros(tuple(size), np.bool_)
        inside[inner] = True
        image = normalize(torch.from_numpy(hu.astype(np.float32)), self._spec)
        image[torch.from_numpy(~inside)] = padding_value(self._spec)
        known = inside & (labels != UNKNOWN)
        fields = {
            "image": image[None],
            "channels": torch.from_numpy(self._table[labels].astype(np.float32))[None],
            "known": torch.from_numpy(known.astype(np.float32))[None],
        }
        if self._augment is not None:
            fields = self._augment(fields, rng)
        channels = fields["channels"][0].to(torch.uint8)
        known_there, into_channel = fields["known"][0], self._into[case.folder]
        return Patch(fields["image"], channels, known_there, into_channel, torch.tensor(origin))


def _find_targets(cases: Sequence[CachedCase], keys: set[str]) -> _Targets:
    organs: dict[str, list[Spot]] = {}
    tumors: dict[str, dict[int, list[Spot]]] = {}
    healthy: dict[str, list[CachedCase]] = {}
    for case in cases:
        for key, places in case.places.items():
            if key in keys:
                organs.setdefault(key, []).append((case, places))
        for key, diameter_mm, voxel in case.lesions:
            if key in keys:
                size = sum(diameter_mm > bound for bound in _BOUNDS_MM)
                tumors.setdefault(key, {}).setdefault(size, []).append((case, (voxel,)))
        for key in case.healthy:
            if key in keys:
                healthy.setdefault(key, []).append(case)
    return _Targets(organs, tumors, healthy)


def _choose(items: Sequence[_Item], rng: np.random.Generator) -> _Item:
    return items[int(rng.integers(len(items)))]


def _place(spot: Spot, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return np.array(_choose(spot[1], rng), np.int64)
