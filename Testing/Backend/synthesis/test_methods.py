"""What holds for every method that needs no weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from atlastumor.errors import DependencyError, UnknownKeyError, WeightsError
from atlastumor.organs import KEYS, find_organ
from atlastumor.synthesis.methods import METHODS, find_method
from Backend.synthesis.patches import DENSITY_HU, make_ball, make_patch, make_request

READY = [name for name, make in METHODS.items() if not make().needs_weights]


def test_a_method_is_found_by_the_name_it_calls_itself() -> None:
    assert {name: find_method(name).name for name in METHODS} == {name: name for name in METHODS}
    assert all(find_method(name).title for name in METHODS)


def test_a_method_that_needs_weights_says_what_is_missing(tmp_path: Path) -> None:
    patch = make_patch(half_mm=50.0)
    shape, request = make_ball(patch, 16.0), make_request(method="difftumor", contrast_hu=None)
    method = find_method("difftumor", models_dir=tmp_path)

    assert method.needs_weights
    with pytest.raises((WeightsError, DependencyError)):
        method.paint(patch, shape, request, np.random.default_rng(0))


def test_an_unknown_method_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UnknownKeyError, match=r"no method 'magic'.*handcrafted"):
        find_method("magic")


@pytest.mark.parametrize("name", READY)
def test_the_same_seed_paints_the_same_bytes_and_another_does_not(name: str) -> None:
    patch = make_patch()
    shape, request = make_ball(patch, 20.0), make_request(method=name)

    first, second, other = (
        find_method(name).paint(patch, shape, request, np.random.default_rng(seed))
        for seed in (3, 3, 4)
    )

    assert first.tobytes() == second.tobytes()
    assert not np.array_equal(first[shape.mask], other[shape.mask])


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize("contrast_hu", [-80.0, -20.0, 40.0])
def test_the_mean_density_differs_from_the_organ_by_the_contrast_asked_for(
    name: str, contrast_hu: float
) -> None:
    patch = make_patch()
    shape, request = make_ball(patch, 24.0), make_request(method=name, contrast_hu=contrast_hu)

    painted = find_method(name).paint(patch, shape, request, np.random.default_rng(0))

    assert painted.dtype == np.float32
    assert painted.shape == patch.shape
    assert painted[shape.mask].mean() - DENSITY_HU == pytest.approx(contrast_hu, abs=2.0)


@pytest.mark.parametrize("name", READY)
def test_a_contrast_not_asked_for_comes_from_the_prior_of_the_organ(name: str) -> None:
    patch = make_patch(half_mm=20.0)
    shape, request = make_ball(patch, 12.0), make_request(method=name, contrast_hu=None)
    low, high = find_organ(request.organ).tumor.contrast_hu

    drawn = [
        find_method(name).paint(patch, shape, request, np.random.default_rng(seed))[shape.mask]
        for seed in range(12)
    ]

    contrasts = [float(inside.mean()) - DENSITY_HU for inside in drawn]
    assert low - 2.0 <= min(contrasts) < max(contrasts) <= high + 2.0
    assert max(contrasts) - min(contrasts) > 0.3 * (high - low)


@pytest.mark.parametrize("name", READY)
def test_a_dark_tumor_in_an_organ_without_contrast_medium_is_no_fat(name: str) -> None:
    patch = make_patch(half_mm=24.0)
    kidney = find_organ("kidney")
    labels = np.where(patch.organ, kidney.label, 0).astype(np.uint8)
    patch = dataclasses.replace(patch, hu=patch.hu - 80.0, labels=labels)
    request = make_request(organ="kidney", method=name, contrast_hu=None)
    shape = make_ball(patch, 16.0)

    inside = [
        find_method(name).paint(patch, shape, request, np.random.default_rng(seed))[shape.mask]
        for seed in range(12)
    ]

    assert all(5.0 < one.mean() < 22.0 for one in inside)


@pytest.mark.parametrize("name", READY)
def test_the_patch_is_not_written_to(name: str) -> None:
    patch = make_patch(half_mm=20.0)
    for array in (patch.hu, patch.organ, patch.labels):
        array.flags.writeable = False

    find_method(name).paint(
        patch, make_ball(patch, 10.0), make_request(method=name), np.random.default_rng(0)
    )


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", READY)
def test_every_organ_can_be_painted(name: str, key: str) -> None:
    organ, patch = find_organ(key), make_patch(half_mm=20.0)
    patch = dataclasses.replace(patch, labels=np.where(patch.organ, organ.label, 0).astype("u1"))
    shape = make_ball(patch, 10.0)

    painted = find_method(name).paint(
        patch, shape, make_request(organ=key, method=name), np.random.default_rng(0)
    )

    assert np.isfinite(painted[shape.mask]).all()
