"""Patches that are seen in part, as scans of few slices are."""

from __future__ import annotations

import numpy as np

from atlastumor.training.patches import SHORT, THICKNESS, shorten

SIZE = np.array([80, 80, 80])


def test_the_stated_share_of_patches_is_seen_in_part_mostly_from_head_to_foot() -> None:
    rng = np.random.default_rng(0)
    seen = [shorten(SIZE, rng) for _ in range(4000)]

    part = [one for one in seen if not one.all()]
    slabs = [one for one in part if one.shape == (1, 1, 80)]

    assert abs(len(part) / len(seen) - SHORT) < 0.03
    assert 0.5 < len(slabs) / len(part) < 0.7


def test_what_is_seen_is_one_slab_and_thin_as_often_as_thick() -> None:
    rng = np.random.default_rng(1)
    part = [one.ravel() for one in (shorten(SIZE, rng) for _ in range(4000)) if not one.all()]

    counts = np.array([one.sum() for one in part])

    assert all(np.abs(np.diff(one.astype(int))).sum() <= 2 for one in part)
    assert counts.min() >= int(THICKNESS[0] * 80)
    assert counts.max() < THICKNESS[1] * 80
    middle = 80 * np.sqrt(THICKNESS[0] * THICKNESS[1])
    assert abs((counts < middle).mean() - 0.5) < 0.05
