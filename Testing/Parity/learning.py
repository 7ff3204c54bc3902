"""Bands of smoothed density, and a network that learns them in seconds."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

BANDS_HU = (-250.0, -40.0, 50.0, 150.0)
SMOOTHING_MM = 6.0


def smooth_bands(hu: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Number of the band that each voxel is in, 0 (air) to 4, as uint8."""
    sigma = [SMOOTHING_MM / mm for mm in spacing_mm]
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), sigma, mode="nearest")
    return np.digitize(smooth, BANDS_HU).astype(np.uint8)


def learn(
    network: torch.nn.Module,
    image: np.ndarray,
    labels: np.ndarray,
    patch: Sequence[int],
    *,
    steps: int,
    seed: int,
    targets: np.ndarray | None = None,
) -> None:
    """Train on crops of one scan; `targets` (C, I, J, K) are for sigmoid channels."""
    rng = np.random.default_rng(seed)
    margins = [(0, max(n - m, 0)) for n, m in zip(patch, image.shape, strict=True)]
    image, labels = (np.pad(array, margins, mode="edge") for array in (image, labels))
    if targets is not None:
        targets = np.pad(targets, [(0, 0), *margins], mode="edge")
    # About a voxel of the body: instance norm's gradient explodes on a crop of nothing but air.
    inside = np.argwhere(labels > 0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    network.train()
    for _ in range(steps):
        middle = inside[rng.integers(len(inside))]
        cube = tuple(
            slice(start, start + side)
            for start, side in zip(
                np.clip(middle - np.array(patch) // 2, 0, np.array(image.shape) - patch),
                patch,
                strict=True,
            )
        )
        logits = network(torch.from_numpy(image[cube].copy()).float()[None, None])
        if targets is None:
            truth = torch.from_numpy(labels[cube].astype(np.int64))[None]
            loss = torch.nn.functional.cross_entropy(logits, truth)
        else:
            truth = torch.from_numpy(targets[(slice(None), *cube)].copy())[None]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0, error_if_nonfinite=True)
        optimizer.step()
        schedule.step()
    logging.getLogger(__name__).info("loss %.3f after %d steps", loss.item(), steps)
