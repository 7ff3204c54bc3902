from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from atlastumor.components import Region
from atlastumor.inference import probability
from atlastumor.inference.judging import drop_faint_lesions, judge_lesions
from atlastumor.inference.measuring import Measured, clean_and_measure
from atlastumor.inference.probability import JudgedLesion, ProbabilityMap
from atlastumor.inference.request import make_request
from atlastumor.inference.streaming import Job, Placement, run_network
from atlastumor.lesions import find_region
from atlastumor.models.specs import PostprocessSpec
from atlastumor.organs import find_organ
from atlastumor.progress import CancelToken, ignore_progress
from atlastumor.volume import Grid

from .pretend import PretendBackend, by_density, make_card, make_scan

LIVER = find_organ("liver")
TUMOR = LIVER.tumor_label
GRID = Grid((12, 12, 40), np.diag([1.0, 1.0, 1.0, 1.0]))
SHARP = (slice(2, 6), slice(2, 6), slice(2, 6))
FAINT = (slice(2, 6), slice(2, 6), slice(20, 36))


def a_map() -> ProbabilityMap:
    """One lesion of mean 0.75 and one of mean 0.5, in a liver where all is 0.1."""
    array = np.full(GRID.shape, 0.1, np.float16)
    array[SHARP] = 0.5
    array[SHARP][:2] = 1.0
    array[FAINT] = 0.4
    array[FAINT][:2] = 0.6
    return ProbabilityMap(array, GRID)


def some_labels(least: float) -> npt.NDArray[np.uint8]:
    labels = np.full(GRID.shape, LIVER.label, np.uint8)
    labels[a_map().array >= least] = TUMOR
    return labels


@pytest.mark.parametrize("slab_voxels", [1, 1 << 22])
def test_a_lesion_has_the_mean_of_its_voxels(
    slab_voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probability, "_SLAB_VOXELS", slab_voxels)

    found = judge_lesions(some_labels(0.3), GRID, LIVER, a_map(), outline=0.3, threshold=0.6)

    assert [(lesion.region.box, lesion.score) for lesion in found] == [(FAINT, 0.5), (SHARP, 0.75)]


@pytest.mark.parametrize("slab_voxels", [1, 1 << 22])
def test_below_the_outline_lesions_are_still_outlined_there(
    slab_voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probability, "_SLAB_VOXELS", slab_voxels)
    labels = np.full(GRID.shape, TUMOR, np.uint8)  # at 0.05, all is one tumor

    found = judge_lesions(labels, GRID, LIVER, a_map(), outline=0.3, threshold=0.05)

    assert [(lesion.region.box, lesion.score) for lesion in found] == [(FAINT, 0.5), (SHARP, 0.75)]


def test_faint_lesions_become_the_organ_they_lie_in() -> None:
    labels = some_labels(0.3)
    found = judge_lesions(labels, GRID, LIVER, a_map(), outline=0.3, threshold=0.6)

    drop_faint_lesions(labels, LIVER, found, threshold=0.6)

    assert (labels[SHARP] == TUMOR).all()
    assert (labels[FAINT] == LIVER.label).all()


def a_ring(core: float) -> ProbabilityMap:
    """A shell of probability 0.75 around a core, in a liver where all is 0.1."""
    array = np.full(GRID.shape, 0.1, np.float16)
    array[2:9, 2:9, 10:17] = 0.75
    array[4:7, 4:7, 12:15] = 0.1
    array[5, 5, 13] = core
    return ProbabilityMap(array, GRID)


@pytest.mark.parametrize("core", [0.1, 0.9])
@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.6])
def test_what_a_lesion_encloses_belongs_to_it(core: float, threshold: float) -> None:
    probability = a_ring(core)
    labels = np.full(GRID.shape, LIVER.label, np.uint8)
    labels[probability.array >= min(threshold, 0.3)] = TUMOR

    (found,) = judge_lesions(labels, GRID, LIVER, probability, outline=0.3, threshold=threshold)

    assert found.region.box == (slice(2, 9), slice(2, 9), slice(10, 17))
    assert found.region.mask.all()
    assert found.score == 0.75  # of what was outlined
    assert (labels[found.region.box] == TUMOR).all()


def test_another_organ_in_a_hole_stays() -> None:
    probability = a_ring(0.1)
    labels = np.full(GRID.shape, LIVER.label, np.uint8)
    labels[probability.array >= 0.3] = TUMOR
    other = find_organ("pancreas").label
    labels[5, 5, 13] = other

    (found,) = judge_lesions(labels, GRID, LIVER, probability, outline=0.3, threshold=0.5)

    assert labels[5, 5, 13] == other
    assert np.argwhere(~found.region.mask).tolist() == [[3, 3, 3]]


def test_the_threshold_itself_is_enough() -> None:
    labels = some_labels(0.3)
    found = judge_lesions(labels, GRID, LIVER, a_map(), outline=0.3, threshold=0.5)

    drop_faint_lesions(labels, LIVER, found, threshold=0.5)

    assert (labels[FAINT] == TUMOR).all()


def test_a_map_of_judged_lesions_is_flat_in_each_in_every_part() -> None:
    mask = np.ones((3, 2, 4), bool)
    mask[0, 0, 0] = False
    lesion = JudgedLesion(Region((slice(4, 7), slice(5, 7), slice(10, 14)), mask), 0.875)
    plain = a_map()
    judged = ProbabilityMap(plain.array, GRID, 0.55, (lesion,))
    expected = np.minimum(plain.to_grid(GRID), np.nextafter(np.float16(0.55), np.float16(0)))
    expected[4:7, 5:7, 10:14][mask] = 0.875

    np.testing.assert_array_equal(judged.to_grid(GRID), expected)
    for box in (
        (slice(0, 12), slice(0, 12), slice(11, 13)),
        (slice(5, 6), slice(6, 9), slice(0, 40)),
        (slice(7, 9), slice(0, 12), slice(0, 40)),
    ):
        np.testing.assert_array_equal(judged.part(GRID, box), expected[box])


def measure(threshold: float, outline: float | None = 0.3, least_ml: float = 0.0) -> Measured:
    """A scan on the network's own grid, with a threshold for tumors of the liver."""
    scan = make_scan((30, 28, 40), (3.0, 3.0, 3.0))
    card = make_card(postprocess=PostprocessSpec(least_ml, outline=outline))
    request = make_request(card, organs=["liver"], thresholds={"liver": threshold})
    placement = Placement(1, "cpu", torch.float32)
    job = Job(scan, card, request, PretendBackend(by_density), placement)
    raw = run_network(job, progress=ignore_progress, cancel=CancelToken())
    return clean_and_measure(raw, scan.grid, card, request)


def values_of(found: Measured) -> npt.NDArray[np.float16]:
    return found.probabilities["liver"].to_grid(found.labels.grid)


@pytest.mark.parametrize("threshold", [0.1, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7])
def test_what_is_found_at_any_threshold_is_where_the_map_reaches_it(threshold: float) -> None:
    found = measure(threshold)

    tumor = found.labels.array == TUMOR
    np.testing.assert_array_equal(values_of(found) >= threshold, tumor)
    assert tumor.any()


def test_maps_of_runs_with_other_thresholds_are_the_same() -> None:
    low, high = measure(0.3), measure(0.65)

    assert (low.labels.array == TUMOR).sum() > (high.labels.array == TUMOR).sum()
    np.testing.assert_array_equal(values_of(low), values_of(high))


def test_a_higher_threshold_takes_lesions_and_not_parts_of_them() -> None:
    low, high = measure(0.3), measure(0.65)

    kept = {lesion.box: lesion.volume_ml for lesion in high.lesions}
    assert kept
    assert kept.items() < {lesion.box: lesion.volume_ml for lesion in low.lesions}.items()


def test_the_score_of_a_lesion_is_its_mean_and_reaches_the_threshold() -> None:
    plain = measure(0.3, outline=None)
    found = measure(0.6)
    probability = values_of(plain)

    for lesion in found.lesions:
        region = find_region(found.labels, lesion)
        values = probability[region.box][region.mask]
        mean = values[values >= 0.3].mean(dtype=float)  # what it encloses counts not
        assert lesion.score == pytest.approx(mean, abs=1e-3)
        assert lesion.score >= 0.6


def test_the_highest_score_of_an_organ_is_that_of_a_whole_lesion() -> None:
    found = measure(0.95)

    assert not found.lesions
    assert 0.6 < found.findings[0].highest_score < 0.95
    assert found.findings[0].highest_score == max(
        lesion.score for lesion in found.probabilities["liver"].lesions
    )


def test_without_outline_the_threshold_decides_voxel_by_voxel() -> None:
    low, high = measure(0.3, outline=None), measure(0.65, outline=None)

    for found, threshold in ((low, 0.3), (high, 0.65)):
        np.testing.assert_array_equal(values_of(found) >= threshold, found.labels.array == TUMOR)
    np.testing.assert_array_equal(
        low.probabilities["liver"].array, high.probabilities["liver"].array
    )
    assert not low.probabilities["liver"].lesions


@pytest.mark.parametrize("threshold", [0.3, 0.6])
def test_what_clean_up_took_out_is_not_in_the_map(threshold: float) -> None:
    every, large = measure(threshold), measure(threshold, least_ml=0.3)

    assert len(every.lesions) > len(large.lesions) > 0
    np.testing.assert_array_equal(values_of(large) >= threshold, large.labels.array == TUMOR)
