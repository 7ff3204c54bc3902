"""The method "diffusion": small random weights for its rules, the embedded ones for its tumors."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from atlastumor.errors import Cancelled, DependencyError, DeviceError
from atlastumor.progress import CancelToken
from atlastumor.synthesis import Shape, TumorRequest, find_method
from atlastumor.synthesis.diffusion.conditioning import N_STEPS
from atlastumor.synthesis.diffusion.method import DiffusionMethod
from atlastumor.synthesis.synthesize import synthesize
from Backend.synthesis.diffusion.small import write_painter
from Backend.synthesis.made_case import Case
from Backend.synthesis.patches import DENSITY_HU, make_ball, make_patch, make_request


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DiffusionMethod:
    return DiffusionMethod(card=write_painter(tmp_path_factory.mktemp("painter")), device="cpu")


@pytest.fixture(scope="module")
def embedded() -> DiffusionMethod:
    return DiffusionMethod(device="cpu")


def paint(
    method: DiffusionMethod, patch: object, shape: Shape, seed: int = 1, **more: object
) -> np.ndarray:
    request = make_request(method="diffusion", **more)
    return method.paint(patch, shape, request, np.random.default_rng(seed))  # type: ignore[arg-type]


def test_it_needs_no_weights_from_elsewhere() -> None:
    method = find_method("diffusion")

    assert method.runs_network
    assert not method.needs_weights


def test_the_tumor_does_not_depend_on_the_way_the_scan_is_stored(small: DiffusionMethod) -> None:
    patch = dataclasses.replace(make_patch(half_mm=20.0), axcodes="LPS")
    turned = dataclasses.replace(
        patch,
        hu=np.ascontiguousarray(patch.hu.transpose(2, 0, 1)[::-1]),
        organ=np.ascontiguousarray(patch.organ.transpose(2, 0, 1)[::-1]),
        labels=np.ascontiguousarray(patch.labels.transpose(2, 0, 1)[::-1]),
        spacing_mm=tuple(patch.spacing_mm[axis] for axis in (2, 0, 1)),
        center=(patch.shape[2] - 1 - patch.center[2], patch.center[0], patch.center[1]),
        axcodes="ILP",
    )

    expected = paint(small, patch, make_ball(patch, 14.0))
    found = paint(small, turned, make_ball(turned, 14.0))

    np.testing.assert_allclose(found, expected.transpose(2, 0, 1)[::-1], atol=0.05)


def test_what_the_scan_held_where_the_tumor_comes_is_not_seen(small: DiffusionMethod) -> None:
    patch = make_patch(half_mm=20.0)
    shape, inside = make_ball(patch, 14.0), make_ball(patch, 6.0).mask
    other = dataclasses.replace(patch, hu=np.where(inside, np.float32(95), patch.hu))

    one, two = (paint(small, p, shape) - np.float32(0) for p in (patch, other))

    texture = [x[shape.mask] - x[shape.mask].mean() for x in (one, two)]
    np.testing.assert_allclose(texture[0], texture[1], atol=0.5)


def test_a_shape_in_several_parts_and_one_of_a_single_voxel_are_painted(
    small: DiffusionMethod,
) -> None:
    patch = make_patch(half_mm=20.0)
    parts = make_ball(patch, 6.0).mask | np.roll(make_ball(patch, 6.0).mask, 12, axis=0)
    single = np.zeros_like(parts)
    single[patch.center] = True

    for mask in (parts, single):
        painted = paint(small, patch, Shape(mask))
        assert np.isfinite(painted).all()
        assert painted[mask].mean() == pytest.approx(DENSITY_HU - 50.0, abs=2.0)


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    patch = make_patch(half_mm=16.0)
    method = DiffusionMethod(card=write_painter(tmp_path), device="quantum")

    with pytest.raises(DeviceError, match="no device 'quantum'"):
        paint(method, patch, make_ball(patch, 8.0))


def test_without_torch_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = make_patch(half_mm=16.0)
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(DependencyError, match="'diffusion' needs the package torch"):
        paint(DiffusionMethod(card=tmp_path / "any.json"), patch, make_ball(patch, 8.0))


def test_progress_rises_and_cancelling_during_sampling_leaves_nothing(
    a_case: Case, small: DiffusionMethod
) -> None:
    token, seen = CancelToken(), []
    before = a_case.scan.array.copy(), a_case.labels.array.copy()

    def watch(fraction: float, stage: str) -> None:
        seen.append(fraction)
        if stage == "Painting the tumor" and fraction > 0.55:
            token.cancel()

    with pytest.raises(Cancelled):
        synthesize(
            a_case.scan,
            a_case.labels,
            TumorRequest("liver", 14.0, 3, method="diffusion"),
            method=small,
            progress=watch,
            cancel=token,
        )

    assert seen == sorted(seen)
    assert 0.55 < seen[-1] < 0.7  # in the midst of the sampling, which is told from 0.4 to 0.7
    assert len(seen) > N_STEPS // 2
    assert np.array_equal(a_case.scan.array, before[0])
    assert np.array_equal(a_case.labels.array, before[1])


def test_the_same_seed_makes_the_same_bytes_and_another_does_not(
    a_case: Case, embedded: DiffusionMethod
) -> None:
    made = [
        synthesize(
            a_case.scan,
            a_case.labels,
            TumorRequest("liver", 20.0, seed, method="diffusion", center_ras=(30.0, 10.0, 20.0)),
            method=embedded,
        ).scan.array.tobytes()
        for seed in (3, 3, 4)
    ]

    assert made[0] == made[1]
    assert made[0] != made[2]


@pytest.mark.parametrize("contrast_hu", [-300.0, -60.0, 0.0, 90.0, 350.0])
def test_any_contrast_is_met(embedded: DiffusionMethod, contrast_hu: float) -> None:
    patch = make_patch()
    shape = make_ball(patch, 24.0)

    inside = paint(embedded, patch, shape, contrast_hu=contrast_hu)[shape.mask]

    assert inside.mean() - DENSITY_HU == pytest.approx(contrast_hu, abs=2.0)


def test_tumors_are_patchy_and_differ_as_wholes_not_as_noise(embedded: DiffusionMethod) -> None:
    """What is drawn is texture: neighbors are alike, and not every tumor is even."""
    patch = make_patch((1.0, 1.0, 1.0), half_mm=22.0)
    shape = make_ball(patch, 26.0)
    both = shape.mask & np.roll(shape.mask, 1, axis=0)

    spreads, alike = [], []
    for seed in range(4):
        painted = paint(embedded, patch, shape, seed=seed)
        spreads.append(float(painted[shape.mask].std()))
        alike.append(float(np.corrcoef(painted[both], np.roll(painted, 1, axis=0)[both])[0, 1]))

    assert min(spreads) > 2.0
    assert max(spreads) < 45.0
    assert min(alike) > 0.8


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_paints_the_same_tumor() -> None:
    patch = make_patch()
    shape = make_ball(patch, 20.0)

    one, two = (paint(DiffusionMethod(device=name), patch, shape) for name in ("cpu", "cuda"))

    np.testing.assert_allclose(one[shape.mask], two[shape.mask], atol=1.0)
