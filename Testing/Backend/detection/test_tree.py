from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.detection.reference import count_fewest_voxels
from atlastumor.detection.tree import Candidates, CandidateTree
from atlastumor.errors import InputError

SPACING = (0.8, 1.0, 2.5)  # a voxel of 2 mm3
TOUCHING = np.ones((3, 3, 3), bool)


def a_map(seed: int, shape: tuple[int, int, int] = (20, 17, 13)) -> np.ndarray:
    noise = np.random.default_rng(seed).random(shape)
    smooth = ndimage.gaussian_filter(noise, seed % 3 * 0.5)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return (np.round(smooth * 50) / 50 if seed % 2 else smooth).astype(np.float32)


def on_full_grid(found: Candidates, shape: tuple[int, ...]) -> np.ndarray:
    labels = np.zeros(shape, np.int64)
    labels[found.box] = found.labels
    return labels


@pytest.mark.parametrize("seed", range(6))
def test_candidates_are_the_components_of_a_labeling(seed: int) -> None:
    probability = a_map(seed)
    tree = CandidateTree.of(np.asfortranarray(probability), SPACING)

    for theta in np.quantile(probability, [0.05, 0.4, 0.7, 0.9, 0.99, 1.0]):
        theta32 = max(np.float32(theta), np.float32(0.01))
        for least in (0.0, 2.1, 30.0):
            found = tree.candidates(float(theta32), min_volume_mm3=least)
            labels, _ = ndimage.label(probability >= theta32, TOUCHING)
            sizes = np.bincount(labels.ravel())
            sizes[0] = 0
            kept = np.flatnonzero(sizes >= count_fewest_voxels(least, SPACING))
            kept = kept[kept > 0]
            got = on_full_grid(found, probability.shape)
            assert np.array_equal(got > 0, np.isin(labels, kept))
            assert len(found.candidates) == kept.size
            for candidate in found.candidates:
                inside = got == candidate.index
                label = labels[candidate.center_ijk]
                assert np.array_equal(inside, labels == label)
                assert candidate.volume_ml == pytest.approx(0.002 * sizes[label])
                assert candidate.score == probability[inside].max()
                assert candidate.box == ndimage.find_objects(inside.astype(np.int8))[0]


def test_candidates_come_with_the_highest_score_first() -> None:
    found = CandidateTree.of(a_map(2), SPACING).candidates(0.6, min_volume_mm3=0.0)

    scores = [candidate.score for candidate in found.candidates]
    assert len(scores) > 5
    assert scores == sorted(scores, reverse=True)
    assert [c.index for c in found.candidates] == list(range(1, len(scores) + 1))


def test_the_labels_cover_the_candidates_and_no_more() -> None:
    probability = np.zeros((9, 9, 9))
    probability[2:5, 3:6, 1:4] = 0.8
    probability[7:9, 7:9, 6:9] = 0.6

    tree = CandidateTree.of(probability, SPACING)
    one, both = tree.candidates(0.7), tree.candidates(0.5, min_volume_mm3=24.0)

    assert one.box == (slice(2, 5), slice(3, 6), slice(1, 4))
    assert (one.labels == 1).all()
    assert one.candidates[0].center_ijk == (3, 4, 2)
    assert both.box == (slice(2, 9), slice(3, 9), slice(1, 9))
    assert [c.volume_ml for c in both.candidates] == pytest.approx([0.054, 0.024])


def test_a_hollow_candidate_is_shown_at_its_highest_voxel() -> None:
    probability = np.zeros((9, 9, 9))
    probability[1:8, 1:8, 1:8] = 0.5
    probability[2:7, 2:7, 2:7] = 0.0
    probability[1, 4, 6] = 0.9

    (shell,) = CandidateTree.of(probability, SPACING).candidates(0.5).candidates

    assert shell.center_ijk == (1, 4, 6)


def test_above_the_highest_value_there_are_no_candidates() -> None:
    found = CandidateTree.of(np.full((4, 4, 4), 0.5), SPACING).candidates(0.6)

    assert found.candidates == ()
    assert found.labels.shape == (0, 0, 0)
    assert found.box == (slice(0, 0), slice(0, 0), slice(0, 0))


def test_an_empty_map_has_no_candidates_at_any_threshold() -> None:
    tree = CandidateTree.of(np.zeros((4, 4, 4)), SPACING)

    assert tree.candidates(0.01).candidates == ()


def test_a_threshold_below_the_floor_is_refused() -> None:
    tree = CandidateTree.of(a_map(0), SPACING, floor=0.2)

    with pytest.raises(InputError, match="below the floor of the map"):
        tree.candidates(0.1)
