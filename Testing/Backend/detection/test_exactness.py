"""The sweep against a labeling at every threshold, on small random maps of every kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.detection.false_sizes import RADIUS_EDGES_MM
from atlastumor.detection.reference import (
    ReferenceLesions,
    count_fewest_voxels,
    find_reference_lesions,
)
from atlastumor.detection.rules import HIT_RULES, HitRule
from atlastumor.detection.sweep import CaseSweep, SweepOptions, sweep_case
from Backend.detection.brute_force import (
    Component,
    count_strict,
    find_components,
    full_parts,
    is_found,
)

N_MAPS = 400
PARTS = 8


@dataclass(frozen=True)
class Setup:
    probability: np.ndarray
    reference: ReferenceLesions
    options: SweepOptions
    organ: np.ndarray | None
    rules: tuple[HitRule, ...]


def random_setup(seed: int) -> Setup:
    generator = np.random.default_rng(seed)
    shape = tuple(int(n) for n in generator.integers(1, 8, 3))
    spacing = tuple(float(s) for s in generator.choice([0.5, 0.8, 1.0, 2.5], 3))
    reference = find_reference_lesions(
        random_blobs(generator, shape, generator.choice([0.0, 0.1, 0.4])),
        spacing_mm=spacing,
        min_volume_mm3=float(generator.choice([0.0, 2.0, 4.0])),
        ignore=random_blobs(generator, shape, 0.1) if generator.random() < 0.4 else None,
    )
    options = SweepOptions(
        floor=float(generator.choice([0.01, 0.3, 1.0])) if seed % 5 else 0.01,
        min_volume_mm3=float(generator.choice([0.0, 1.0, 4.0, 10.0])),
    )
    organ = generator.random(shape) < 0.6 if generator.random() < 0.5 else None
    rules = tuple(
        HitRule(rule.name, int(generator.integers(1, 101)) / 100, bool(generator.integers(2)))
        if rule.threshold
        else HitRule(rule.name, 0.0, bool(generator.integers(2)))
        for rule in HIT_RULES.values()
    )
    probability = random_map(generator, shape, reference, seed)
    return Setup(probability, reference, options, organ, (*HIT_RULES.values(), *rules))


def random_blobs(
    generator: np.random.Generator, shape: tuple[int, ...], share: float
) -> np.ndarray:
    """Specks or, smoothed, lumps."""
    noise = generator.random(shape)
    if generator.random() < 0.5:
        noise = ndimage.uniform_filter(noise, 3)
        return noise < np.quantile(noise, share) if share else np.zeros(shape, bool)
    return noise < share


def random_map(
    generator: np.random.Generator,
    shape: tuple[int, ...],
    reference: ReferenceLesions,
    kind: int,
) -> np.ndarray:
    """Noise, plateaus, lumps, lesions under noise, or nothing; as any number type and order."""
    noise = generator.random(shape)
    lumps = ndimage.uniform_filter(noise, 3)
    steps = int(generator.integers(1, 9))
    lesions = full_parts(reference) > 0
    made = [
        noise,
        np.round(noise * steps) / steps,
        np.round(lumps * 40) / 40,
        np.clip(0.5 * lumps + 0.5 * lesions * generator.random(), 0, 1),
        (lesions ^ (noise < 0.1)).astype(float),
        np.round(lumps * 2**15) / 2**15 * (noise < 0.7),
        np.zeros(shape),
    ][kind % 7]
    typed = made.astype([np.float32, np.float64, np.float16][kind % 3])
    return np.asfortranarray(typed) if kind % 2 else typed


def check_row(setup: Setup, sweep: CaseSweep, row: int, components: list[Component]) -> None:
    """Every count and every hit of one row."""
    organ_voxels = None if setup.organ is None else int(setup.organ.sum())
    n_false = sum(not c.overlaps and not c.is_ignored for c in components)
    got = (sweep.n_components[row], sweep.n_false[row]) if row >= 0 else (0, 0)
    assert got == (len(components), n_false)
    for rule in setup.rules:
        found = {
            lesion.index
            for lesion in setup.reference.lesions
            if is_found(lesion.index, components, setup.reference, rule, organ_voxels)
        }
        hits = sweep.hits(rule)[row] if row >= 0 else np.zeros(len(sweep.lesions), bool)
        assert {int(n) + 1 for n in np.flatnonzero(hits)} == found, rule
        strict = sweep.n_strict(rule)[row] if row >= 0 else 0
        assert strict == count_strict(components, found, setup.reference, rule), rule


def check_sizes(
    setup: Setup, sweep: CaseSweep, theta: np.float32, components: list[Component]
) -> None:
    """False positives of every size at any threshold, in a row of the sweep or not."""
    edges = [
        count_fewest_voxels(4 / 3 * np.pi * radius**3, setup.reference.spacing_mm)
        for radius in RADIUS_EDGES_MM
    ]
    organ_voxels = None if setup.organ is None else int(setup.organ.sum())
    false = [c for c in components if not c.overlaps and not c.is_ignored]
    assert sweep.count_false_sizes(theta, setup.rules[0]).tolist() == histogram(false, edges)
    for rule in setup.rules:
        found = {
            lesion.index
            for lesion in setup.reference.lesions
            if is_found(lesion.index, components, setup.reference, rule, organ_voxels)
        }
        false = [c for c in components if count_strict([c], found, setup.reference, rule)]
        counted = sweep.count_false_sizes(theta, rule, strict=True)
        assert counted.tolist() == histogram(false, edges), rule


def histogram(components: list[Component], edges: list[int]) -> list[int]:
    classes = [sum(component.n_voxels >= edge for edge in edges) for component in components]
    return [classes.count(n) for n in range(len(edges) + 1)]


def check_values(setup: Setup, sweep: CaseSweep, row: int, components: list[Component]) -> None:
    """Every measure at a row's own threshold."""
    largest = max((c.n_voxels for c in components), default=0)
    assert sweep.largest_ml[row] == pytest.approx(largest * setup.reference.voxel_ml)
    for lesion in setup.reference.lesions:
        touching = [c for c in components if lesion.index in c.overlaps]
        shared = [c.overlaps[lesion.index] for c in touching]
        together = sum(c.n_voxels for c in touching)
        union = lesion.n_voxels + together - sum(shared)
        best = [
            s / (lesion.n_voxels + c.n_voxels - s) for s, c in zip(shared, touching, strict=True)
        ]
        column = lesion.index - 1
        assert sweep.union_iou[row, column] == sum(shared) / union
        assert sweep.best_iou[row, column] == max(best, default=0.0)
        assert sweep.coverage[row, column] == sum(shared) / lesion.n_voxels
        assert sweep.touching_voxels[row, column] == together


@pytest.mark.parametrize("part", range(PARTS))
def test_a_sweep_equals_a_labeling_at_every_threshold(part: int) -> None:
    n_rows = n_hits = 0
    for seed in range(part, N_MAPS, PARTS):
        setup = random_setup(seed)
        sweep = sweep_case(
            "case",
            "organ",
            setup.probability,
            setup.reference,
            options=setup.options,
            organ_mask=setup.organ,
        )
        exact = setup.probability.astype(np.float32)
        fewest = count_fewest_voxels(setup.options.min_volume_mm3, setup.reference.spacing_mm)
        thresholds = np.unique(exact[exact >= np.float32(setup.options.floor)])
        assert sweep.n_distinct == thresholds.size
        for threshold in thresholds:
            components = find_components(exact, threshold, full_parts(setup.reference), fewest)
            row = sweep.at(threshold)
            check_row(setup, sweep, row, components)
            check_sizes(setup, sweep, threshold, components)
            if row >= 0 and sweep.thresholds[row] == threshold:
                check_values(setup, sweep, row, components)
        n_rows += sweep.thresholds.size
        n_hits += int(sweep.any_overlap.sum())
    assert n_rows > 100
    assert n_hits > 100
