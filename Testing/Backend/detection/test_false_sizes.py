"""Sizes of false positives, on boxes whose voxels are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlastumor.detection.case_sweep import CaseSweep
from atlastumor.detection.false_sizes import N_CLASSES, RADIUS_EDGES_MM, SIZE_TEXTS
from atlastumor.detection.reference import find_reference_lesions
from atlastumor.detection.rules import HIT_RULES
from atlastumor.detection.summary import SummaryOptions, summarize
from atlastumor.detection.sweep import SweepOptions, sweep_case

SPACING = (1.0, 2.0, 5.0)  # a voxel of 10 mm3: radii of 3, 4, 5 mm are 11.3, 26.8, 52.4 voxels
SHAPE = (20, 20, 10)
RULE = HIT_RULES["union-iou"]

SPECK = (slice(2, 4), slice(2, 4), slice(2, 3))  # 4 voxels
BLOCK = (slice(2, 5), slice(2, 4), slice(2, 4))  # 12 voxels, the speck among them
LUMP = (slice(2, 5), slice(2, 5), slice(2, 5))  # 27 voxels, the block among them
FAR = (slice(12, 18), slice(12, 15), slice(5, 8))  # 54 voxels
BEYOND = (slice(12, 20), slice(12, 20), slice(5, 8))  # 192 voxels, those among them


def a_sweep(
    *blocks: tuple[tuple[slice, ...], float],
    lesion: tuple[slice, ...] | None = None,
    ignore: tuple[slice, ...] | None = None,
) -> CaseSweep:
    """Boxes of probabilities, the later ones below the earlier."""
    probability = np.zeros(SHAPE, np.float32)
    mask, ignored = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    for block, value in blocks:
        probability[block] = np.maximum(probability[block], np.float32(value))
    if lesion is not None:
        mask[lesion] = True
    if ignore is not None:
        ignored[ignore] = True
    reference = find_reference_lesions(mask, spacing_mm=SPACING, ignore=ignored)
    return sweep_case("case", "liver", probability, reference, options=SweepOptions())


def sizes(sweep: CaseSweep, theta: float, *, strict: bool = False) -> dict[str, int]:
    """Classes that hold anything."""
    counts = sweep.count_false_sizes(theta, RULE, strict=strict).tolist()
    return {text: n for text, n in zip(SIZE_TEXTS, counts, strict=True) if n}


def test_the_classes_part_at_the_radii_that_part_lesions() -> None:
    assert {5.0, 10.0, 20.0} < set(RADIUS_EDGES_MM)
    assert len(SIZE_TEXTS) == N_CLASSES
    assert (SIZE_TEXTS[0], SIZE_TEXTS[1], SIZE_TEXTS[-1]) == ("<= 3 mm", "3 to 4 mm", ">= 20 mm")


def test_a_component_grows_from_class_to_class_as_the_threshold_falls() -> None:
    swept = a_sweep((SPECK, 0.9), (BLOCK, 0.5), (LUMP, 0.3))

    assert sizes(swept, 0.95) == {}
    assert sizes(swept, 0.9) == {"<= 3 mm": 1}
    assert sizes(swept, 0.51) == {"<= 3 mm": 1}
    assert sizes(swept, 0.5) == {"3 to 4 mm": 1}
    assert sizes(swept, 0.3) == {"4 to 5 mm": 1}
    assert sizes(swept, 0.02) == {"4 to 5 mm": 1}


def test_the_size_is_known_between_rows_too() -> None:
    # From 0.9 on nothing changes but the size, so that the sweep has one row only.
    swept = a_sweep((SPECK, 0.9), (BLOCK, 0.5))

    assert swept.thresholds.size == 1
    assert sizes(swept, 0.4) == {"3 to 4 mm": 1}


def test_components_are_counted_by_themselves_until_they_merge() -> None:
    bridge = (slice(2, 18), slice(2, 15), slice(2, 8))  # 1248 voxels: 14.4 mm
    swept = a_sweep((BLOCK, 0.9), (FAR, 0.8), (bridge, 0.2))

    assert sizes(swept, 0.9) == {"3 to 4 mm": 1}
    assert sizes(swept, 0.8) == {"3 to 4 mm": 1, "5 to 7.5 mm": 1}
    assert sizes(swept, 0.2) == {"10 to 15 mm": 1}


def test_one_below_the_least_volume_has_no_size() -> None:
    two_voxels = (slice(2, 4), slice(2, 3), slice(2, 3))

    assert sizes(a_sweep((two_voxels, 0.9)), 0.5) == {}


def test_one_that_touches_a_lesion_counts_only_strictly_and_without_a_hit() -> None:
    # 4 voxels of one of 192 and a lesion of 12 are no hit; a lesion that is all covered is one.
    corner = (slice(18, 20), slice(18, 20), slice(7, 8))
    missed = a_sweep((BEYOND, 0.6), (BLOCK, 0.6), lesion=(*corner[:2], slice(7, 10)))
    hit = a_sweep((FAR, 0.6), (BLOCK, 0.6), lesion=FAR)

    assert sizes(missed, 0.5) == {"3 to 4 mm": 1}
    assert sizes(missed, 0.5, strict=True) == {"3 to 4 mm": 1, "7.5 to 10 mm": 1}
    assert sizes(hit, 0.5) == sizes(hit, 0.5, strict=True) == {"3 to 4 mm": 1}


def test_one_that_touches_an_ignored_region_has_no_size() -> None:
    swept = a_sweep((FAR, 0.6), (BLOCK, 0.6), ignore=FAR)

    assert sizes(swept, 0.5) == sizes(swept, 0.5, strict=True) == {"3 to 4 mm": 1}


@pytest.mark.parametrize("strict", [False, True])
def test_a_cohort_has_the_sizes_of_all_its_scans_at_the_chosen_threshold(strict: bool) -> None:
    # The lesion is found at 0.6; at 0.6 the other scans hold a speck of 0.9 and a lump of 0.7.
    cohort = [
        a_sweep((FAR, 0.6), (BLOCK, 0.65), lesion=FAR),
        a_sweep((SPECK, 0.9), (BLOCK, 0.3)),
        a_sweep((LUMP, 0.7), (BEYOND, 0.1)),
    ]

    summary = summarize(cohort, RULE, options=SummaryOptions(n_samples=0, strict=strict))

    assert summary.choice.threshold == pytest.approx(0.6)
    assert summary.false_sizes == (1, 1, 1, 0, 0, 0, 0, 0)
    assert sum(summary.false_sizes) == summary.choice.point.fp
