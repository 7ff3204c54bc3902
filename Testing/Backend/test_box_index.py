from __future__ import annotations

import numpy as np

from atlastumor.box_index import BoxIndex
from atlastumor.components import Box

SHAPE = (60, 50, 40)


def some_boxes(n: int, seed: int) -> list[Box]:
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, np.array(SHAPE) - 12, (n, 3))
    stops = starts + rng.integers(1, 12, (n, 3))
    boxes = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        i, j, k = map(slice, start, stop)
        boxes.append((i, j, k))
    return boxes


def overlap(one: Box, other: Box) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def test_every_box_that_overlaps_is_found_in_the_order_added() -> None:
    boxes = some_boxes(200, seed=0)
    index = BoxIndex(boxes)

    for asked in some_boxes(100, seed=1):
        near = index.near(asked)
        assert near == sorted(set(near))
        assert {n for n, box in enumerate(boxes) if overlap(box, asked)} <= set(near)


def test_boxes_far_away_are_not_looked_at() -> None:
    index = BoxIndex([(slice(0, 2),) * 3])
    index.add((slice(30, 32), slice(0, 2), slice(0, 2)))

    assert index.near((slice(1, 3),) * 3) == [0]
    assert index.near((slice(28, 35), slice(0, 60), slice(0, 60))) == [1]
    assert index.near((slice(9, 12),) * 3) == []
