"""Lesions that fall into many pieces, on maps of thousands of values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.detection.reference import ReferenceLesions, find_reference_lesions
from atlastumor.detection.rules import HIT_RULES, HitRule
from atlastumor.detection.sweep import CaseSweep, SweepOptions, sweep_case
from Backend.detection.brute_force import find_components, full_parts, has_center

TOUCHING = np.ones((3, 3, 3), bool)
SHAPE = (16, 15, 14)
RATIOS = [HitRule("union-iou", n / 100, guard=False) for n in range(1, 101)]
COVERAGES = [HitRule("coverage", n / 100, guard=True) for n in range(1, 101)]


def two_lesions() -> ReferenceLesions:
    mask = np.zeros(SHAPE, bool)
    mask[2:10, 2:9, 2:10] = True
    mask[12:15, 9:13, 9:13] = True
    return find_reference_lesions(mask, spacing_mm=(1.0, 1.5, 2.0))


def a_noisy_map(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(generator.random(SHAPE), 0.6)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    lesions = full_parts(two_lesions()) > 0
    return (0.75 * noise + 0.25 * lesions * generator.random(SHAPE)).astype(np.float32)


def sweep_of(probability: np.ndarray, fewest: int) -> CaseSweep:
    options = SweepOptions(min_volume_mm3=3.0 * fewest)
    return sweep_case("case", "organ", probability, two_lesions(), options=options)


def found_at(sweep: CaseSweep, theta: float, rules: list[HitRule]) -> list[list[bool]]:
    row = sweep.at(theta)
    return [sweep.hits(rule)[row].tolist() if row >= 0 else [False, False] for rule in rules]


@pytest.mark.parametrize("seed", range(3))
def test_every_ratio_of_many_pieces_crosses_every_hundredth_where_it_does(seed: int) -> None:
    fewest = 1 + 3 * seed
    probability = a_noisy_map(seed)
    reference, sweep = two_lesions(), sweep_of(probability, fewest)
    parts = full_parts(reference)

    n_pieces = 0
    for theta in np.unique(probability[probability >= np.float32(0.01)])[seed::17]:
        labels, n = ndimage.label(probability >= theta, TOUCHING)
        sizes = np.bincount(labels.ravel(), minlength=n + 1)
        sizes[0] = 0
        unions, covered, together = [], [], []
        for lesion in reference.lesions:
            shared = np.bincount(labels[parts == lesion.index], minlength=n + 1)
            touching = (shared > 0) & (sizes >= fewest)
            n_pieces += int(touching.sum())
            covered.append(int(shared[touching].sum()))
            together.append(int(sizes[touching].sum()))
            unions.append(lesion.n_voxels + together[-1] - covered[-1])
        lesion_sizes = [lesion.n_voxels for lesion in reference.lesions]
        columns = list(zip(covered, unions, lesion_sizes, together, strict=True))
        for rule, coverage, got, got_coverage in zip(
            RATIOS,
            COVERAGES,
            found_at(sweep, theta, RATIOS),
            found_at(sweep, theta, COVERAGES),
            strict=True,
        ):
            h = rule.hundredths
            assert coverage.hundredths == h
            assert got == [100 * c >= h * u for c, u, _, _ in columns]
            assert got_coverage == [100 * c >= h * s and t <= 10 * s for c, _, s, t in columns]
    assert n_pieces > 200


def a_worm(organ_voxels: int | None) -> CaseSweep:
    """One component that grows by a voxel per value along a line, from inside a lesion of 10."""
    probability = np.zeros((1, 2, 300), np.float32)
    probability[0, 0] = np.linspace(0.9, 0.1, 300)
    mask = np.zeros(probability.shape, bool)
    mask[0, 0, :4] = mask[0, 1, :6] = True
    organ = np.arange(600).reshape(probability.shape) < (organ_voxels or 0)
    return sweep_case(
        "case",
        "organ",
        probability,
        find_reference_lesions(mask, spacing_mm=(3.0, 1.0, 1.0)),
        options=SweepOptions(min_volume_mm3=3.0),
        organ_mask=None if organ_voxels is None else organ,
    )


def hits_of(sweep: CaseSweep, name: str) -> list[bool]:
    """Whether the lesion is found with 1, 2, ... 300 voxels of the worm."""
    rows = [sweep.at(theta) for theta in np.linspace(0.9, 0.1, 300).astype(np.float32)]
    return sweep.hits(HIT_RULES[name])[rows, 0].tolist()


@pytest.mark.parametrize(("organ_voxels", "most"), [(None, 100), (200, 100), (450, 135)])
def test_the_guard_gives_way_at_the_very_voxel(organ_voxels: int | None, most: int) -> None:
    hits = hits_of(a_worm(organ_voxels), "any-overlap")

    assert hits == [n <= most for n in range(1, 301)]


def test_a_center_comes_and_leaves_at_the_very_voxels_though_no_ratio_changes() -> None:
    probability = np.zeros((9, 10, 300), np.float32)
    values = np.linspace(0.9, 0.1, 300).astype(np.float32)
    probability[4, 0] = values
    mask = np.zeros(probability.shape, bool)
    mask[:, 1:, :10] = mask[4, 0, :4] = True

    sweep = sweep_case(
        "case",
        "organ",
        probability,
        find_reference_lesions(mask, spacing_mm=(1.0, 1.0, 1.0)),
        options=SweepOptions(min_volume_mm3=0.0),
    )

    # The lesion: 814 voxels, radius 5.793 mm, center at i = 4, j = 4.975, k = 4.485. The worm's
    # center: i = 4, j = 0, k = (n - 1) / 2. Inside while |k - 4.485| <= 2.968.
    hits = sweep.hits(HIT_RULES["center"])[[sweep.at(theta) for theta in values], 0]
    assert np.flatnonzero(hits).tolist() == list(range(4, 15))
    assert sweep.thresholds.size < 12


def test_centers_enter_and_leave_the_radius_where_they_do() -> None:
    probability = a_noisy_map(7)
    reference, sweep = two_lesions(), sweep_of(probability, 4)
    parts = full_parts(reference)

    seen = set()
    for theta in np.unique(probability[probability >= np.float32(0.3)])[::29]:
        components = find_components(probability, theta, parts, 4)
        wanted = [any(has_center(c, number, reference) for c in components) for number in (1, 2)]
        assert found_at(sweep, theta, [HIT_RULES["center"]]) == [wanted]
        seen |= set(wanted)
    assert seen == {False, True}


def test_rows_are_far_fewer_than_values_and_none_repeats_the_one_above() -> None:
    sweep = sweep_of(a_noisy_map(1), 10)

    assert sweep.n_distinct > 3000
    assert sweep.thresholds.size < sweep.n_distinct / 3
    assert (np.diff(sweep.thresholds) < 0).all()
    assert sweep.is_complete


def test_values_squeezed_into_few_levels_change_no_outcome_at_these() -> None:
    probability = a_noisy_map(2)
    coarse = (np.floor(probability * 16) / 16).astype(np.float32)
    fine, rough = sweep_of(probability, 4), sweep_of(coarse, 4)

    for theta in np.arange(1, 17) / 16:
        assert found_at(fine, theta, RATIOS) == found_at(rough, theta, RATIOS)
        rows = [sweep.at(theta) for sweep in (fine, rough)]
        counts = [
            int(sweep.n_false[row]) if row >= 0 else 0
            for sweep, row in zip((fine, rough), rows, strict=True)
        ]
        assert counts[0] == counts[1]


def test_a_sweep_held_to_few_rows_says_that_it_lost_some() -> None:
    options = SweepOptions(min_volume_mm3=12.0)
    whole = sweep_case("case", "organ", a_noisy_map(3), two_lesions(), options=options)

    held = sweep_case(
        "case",
        "organ",
        a_noisy_map(3),
        two_lesions(),
        options=replace(options, max_thresholds=20),
    )

    assert whole.is_complete
    assert not held.is_complete
    assert held.thresholds.size <= 20
    rows = [whole.at(theta) for theta in held.thresholds]
    assert np.array_equal(held.n_components, whole.n_components[rows])
