from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from atlastumor.inference import probability
from atlastumor.inference.decision import Decision
from atlastumor.inference.probability import ProbabilityMap
from atlastumor.inference.scores import ScoreKeeper, score_lesions
from atlastumor.organs import find_organ, select_organs
from atlastumor.volume import Grid

from .pretend import LIVER_AND_KIDNEY

GRID = Grid((10, 10, 10), np.diag([1.0, 2.0, 3.0, 1.0]))
WHOLE = (slice(0, 10), slice(0, 10), slice(0, 10))


@pytest.mark.parametrize("slab_voxels", [1, 1 << 22])
def test_the_score_is_the_95th_percentile(
    slab_voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probability, "_SLAB_VOXELS", slab_voxels)
    array = (np.random.default_rng(0).permutation(1000) / 1000).reshape(10, 10, 10)
    score_of = score_lesions({"liver": ProbabilityMap(array.astype(np.float16), GRID)}, GRID)

    score = score_of(find_organ("liver"), WHOLE, np.ones((10, 10, 10), bool))

    assert score == pytest.approx(0.949, abs=1e-3)


def test_voxels_outside_the_lesion_do_not_count() -> None:
    array = np.full((10, 10, 10), 0.25, np.float16)
    array[5:] = 1.0
    mask = np.zeros((4, 4, 4), bool)
    mask[1, 2, 3] = True
    score_of = score_lesions({"liver": ProbabilityMap(array, GRID)}, GRID)

    assert score_of(find_organ("liver"), (slice(2, 6), slice(0, 4), slice(6, 10)), mask) == 0.25


def test_a_lesion_without_map_has_no_score() -> None:
    score = score_lesions({}, GRID)(find_organ("colon"), WHOLE, np.ones((10, 10, 10), bool))

    assert math.isnan(score)


def test_the_highest_probability_is_sought_in_the_organ_and_beside_it() -> None:
    logits = torch.zeros(5, 10, 10, 10)
    logits[0] = 5.0
    logits[1, 2, 2, 2] = 9.0  # liver
    logits[2, 3, 2, 2] = 4.0  # its tumor, likely but not winning, beside it
    logits[2, 8, 8, 8] = 4.9  # likelier, but far from any liver
    keeper = ScoreKeeper(
        Decision(LIVER_AND_KIDNEY, "softmax", {}), LIVER_AND_KIDNEY, select_organs(["liver"]), GRID
    )

    keeper.push(logits[..., :5])
    keeper.push(logits[..., 5:])

    beside = float(torch.softmax(logits[:, 3, 2, 2], 0)[2])
    assert keeper.highest() == {"liver": pytest.approx(beside)}
    assert float(keeper.maps()["liver"].array[8, 8, 8]) > beside
