"""The cache and the patches drawn from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from atlastumor.batch.cases import Problem
from atlastumor.collections import UNKNOWN, Annotation, CollectionCase
from atlastumor.cotraining.augment import hu_step
from atlastumor.cotraining.config import SyntheticOptions, TrainingConfig
from atlastumor.cotraining.patches import MADE, REAL, PatchSource
from atlastumor.cotraining.prepare import CachedCase, find_key, prepare_cases
from atlastumor.errors import InputError
from atlastumor.inference.preprocess import preprocess
from atlastumor.models.specs import InputSpec
from atlastumor.organs import select_organs
from atlastumor.scans import read_scan
from atlastumor.training.channels import list_outputs
from Backend.cotraining.tiny_cohort import INPUT, SPACING_MM, make_volumes, write_case

SPEC = InputSpec(**{k: tuple(v) if isinstance(v, list) else v for k, v in INPUT.items()})
OUTPUTS = list_outputs(select_organs(["liver", "kidney"]))
PATCH = (16, 16, 16)
PLAIN = TrainingConfig((), Path(), augment=False, synthetic=SyntheticOptions(probability=0.0))


def cache(case: CollectionCase, folder: Path, spec: InputSpec = SPEC) -> CachedCase:
    [made] = prepare_cases([case], spec, folder / "cache")
    assert isinstance(made, CachedCase)
    return made


def source(cases: list[CachedCase], **changes: Any) -> PatchSource:
    return PatchSource(cases, replace(PLAIN, **changes), SPEC, OUTPUTS, PATCH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny")


@pytest.fixture(scope="module")
def ill(folder: Path) -> CachedCase:
    return cache(write_case(folder, "ill", 0, tumor=True), folder)


@pytest.fixture(scope="module")
def healthy(folder: Path) -> CachedCase:
    return cache(write_case(folder, "healthy", 1, tumor=False), folder)


def test_the_cache_holds_what_the_engine_shows_the_network(folder: Path) -> None:
    case = write_case(folder, "turned", 3, tumor=True)
    hu, labels = make_volumes(3, tumor=True)
    affine = np.diag([-2.0, 4.0, 3.0, 1.0])  # to the left, finer along i and k
    nibabel.save(nibabel.Nifti1Image(hu, affine), case.scan)
    nibabel.save(nibabel.Nifti1Image(labels, affine), case.labels[0].path)

    cached_hu, cached_labels = cache(case, folder).open()

    seen = preprocess(read_scan(case.scan), SPEC).array.numpy()
    assert cached_hu.shape == cached_labels.shape == seen.shape == (20, 40, 30)
    np.testing.assert_allclose((cached_hu + 200.0) / 500.0, seen, atol=0.51 / 500)
    count = np.count_nonzero(labels == 3) * 24.0 / SPACING_MM**3
    assert np.count_nonzero(cached_labels == 27) == pytest.approx(count, rel=0.2)
    assert cached_hu[cached_labels == 27].mean() < cached_hu[cached_labels == 5].mean() - 40


def test_the_cache_knows_lesions_places_and_healthy_organs(
    ill: CachedCase, healthy: CachedCase
) -> None:
    assert [lesion[0] for lesion in ill.lesions] == ["liver"]
    assert ill.open()[1][ill.lesions[0][2]] == 27
    assert ill.healthy == ("kidney",)
    assert set(healthy.healthy) == {"liver", "kidney"}
    assert all(healthy.open()[1][place] == 5 for place in healthy.places["liver"])


def test_another_input_another_annotation_or_another_scan_is_another_place_in_the_cache(
    folder: Path,
) -> None:
    case = write_case(folder, "keys", 4, tumor=True)
    keys = {find_key(case, SPEC), find_key(case, replace(SPEC, clip_hu=(-100.0, 200.0)))}
    keys.add(find_key(replace(case, annotated=Annotation(frozenset({"liver"}))), SPEC))

    write_case(folder, "keys", 5, tumor=True)

    assert len(keys | {find_key(case, SPEC)}) == 4
    assert find_key(case, replace(SPEC, normalize="symmetric")) == find_key(case, SPEC)


def test_a_broken_scan_is_a_problem_that_names_the_case_and_leaves_nothing(folder: Path) -> None:
    case = write_case(folder, "broken", 6, tumor=True)
    case.scan.write_bytes(case.scan.read_bytes()[:2000])

    [found] = prepare_cases([case], SPEC, folder / "cache-of-broken")

    assert isinstance(found, Problem)
    assert found.case == "broken"
    assert not list((folder / "cache-of-broken").glob("*"))


def test_scaling_that_takes_the_whole_scan_is_refused(folder: Path) -> None:
    case = write_case(folder, "scaled", 7, tumor=False)

    with pytest.raises(InputError, match="zscore_image"):
        find_key(case, replace(SPEC, normalize="zscore_image"))


def test_a_patch_follows_from_its_number_alone(ill: CachedCase, healthy: CachedCase) -> None:
    drawn = {"augment": True, "synthetic": SyntheticOptions(probability=0.5)}
    one, other = source([ill, healthy], **drawn), source([ill, healthy], **drawn)
    for number in range(3):
        one[number]

    first, second = one[7], other[7]

    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first.image, one[8].image)


def test_a_patch_shows_the_scan_where_it_lies_and_knows_nothing_outside(ill: CachedCase) -> None:
    patches = [source([ill])[number] for number in range(12)]

    assert {patch.origin.item() for patch in patches} == {REAL}
    assert any((patch.channels == 3).any() for patch in patches)
    for patch in patches:
        assert patch.image.shape == (1, *PATCH)
        outside = patch.known == 0
        assert not patch.image[0][outside].any()
        assert not patch.channels[outside].any()
        liver = patch.image[0][patch.channels == 1]
        assert liver.numel() == 0 or abs(float(liver.mean()) - (110 + 200) / 500) < 0.02


def test_tumors_are_grown_in_healthy_organs_alone(ill: CachedCase, healthy: CachedCase) -> None:
    always = SyntheticOptions(probability=1.0, tries=5)
    patches = [source([ill, healthy], synthetic=always)[number] for number in range(8)]

    made = [patch for patch in patches if patch.origin.item() == MADE]

    assert made
    for patch in made:
        middle = (slice(4, 12),) * 3
        assert (patch.channels[middle] >= 3).any()


def test_tumors_of_unknown_organs_count_for_nobody(folder: Path) -> None:
    case = write_case(folder, "unknown", 8, tumor=True)
    [file] = case.labels
    case = replace(case, labels=(replace(file, values={**file.values, 3: (UNKNOWN,)}),))
    cached = cache(case, folder)

    patch = next(
        patch
        for patch in (source([cached])[number] for number in range(40))
        if ((patch.known == 0) & (patch.image[0] > 0.3)).any()
    )

    assert cached.healthy == ()
    assert cached.lesions == ()
    assert not patch.channels[patch.known == 0].any()


def test_augmented_patches_stay_near_the_scans_densities(ill: CachedCase) -> None:
    drawn = source([ill], augment=True, mirror_axes=(0,))
    patches = [drawn[number] for number in range(20)]

    assert all(patch.image.shape == (1, *PATCH) for patch in patches)
    assert all(set(patch.channels.unique().tolist()) <= {0, 1, 2, 3, 4} for patch in patches)
    assert len({float(patch.image.std()) for patch in patches}) == 20
    livers = [patch.image[0][patch.channels == 1] for patch in patches]
    assert all(abs(float(x.mean()) - 0.62) < 0.2 for x in livers if len(x) > 50)


def test_what_is_not_turned_shows_the_scans_own_voxels_under_their_own_labels(
    ill: CachedCase,
) -> None:
    drawn = source([ill], augment=True)
    patches = [drawn[number] for number in range(20)]

    whole = [(patch, patch.image[0] * 500.0 - 200.0) for patch in patches]  # HU
    plain = [(patch, hu) for patch, hu in whole if float((hu - hu.round()).abs().max()) < 0.01]

    assert plain
    assert all(torch.equal(hu > 0, patch.channels > 0) for patch, hu in plain)


def test_a_hounsfield_unit_is_known_in_every_scale() -> None:
    steps = [hu_step(replace(SPEC, normalize=name)) for name in ("unit", "symmetric", "none")]

    assert steps == [1 / 500, 2 / 500, 1.0]
    assert hu_step(replace(SPEC, normalize="zscore", mean=50.0, std=80.0)) == 1 / 80
