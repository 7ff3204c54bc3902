from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage

from atlastumor.errors import Cancelled, InputError
from atlastumor.inference import preprocess as module
from atlastumor.inference.preprocess import network_grid, normalize, padding_value, preprocess
from atlastumor.models.specs import InputSpec
from atlastumor.progress import CancelToken
from atlastumor.volume import Grid, Scan

from .pretend import make_scan

CUBIC = InputSpec("RAS", (3.0, 3.0, 3.0), (-150.0, 250.0), "zscore", 3, mean=40.0, std=90.0)
AVERAGE = InputSpec("RAS", (6.0, 6.0, 6.0), (-150.0, 250.0), "unit", 1, antialias=True)


def resample_as_nnunet(
    scan: Scan, spec: InputSpec, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Clip, normalize, then skimage's cubic resize, in double precision."""
    values = (np.clip(scan.array.astype(float), *spec.clip_hu) - spec.mean) / spec.std
    factors = [new / old for new, old in zip(shape, values.shape, strict=True)]
    resized = ndimage.zoom(values, factors, order=3, mode="nearest", grid_mode=True)
    return np.clip(resized, values.min(), values.max())


def test_cubic_resampling_is_nnunets() -> None:
    scan = make_scan()

    prepared = preprocess(scan, CUBIC)

    assert prepared.array.shape == (16, 20, 25)
    expected = resample_as_nnunet(scan, CUBIC, (16, 20, 25))
    np.testing.assert_allclose(prepared.array.numpy(), expected, atol=1e-5)


def test_a_coarse_axis_takes_the_nearest_slice() -> None:
    scan = make_scan((24, 20, 6), (1.0, 1.5, 7.0))

    prepared = preprocess(scan, CUBIC)

    assert prepared.array.shape == (8, 10, 14)
    in_plane = resample_as_nnunet(scan, CUBIC, (8, 10, 6))
    nearest = np.floor((np.arange(14) + 0.5) * 6 / 14).astype(int)
    np.testing.assert_allclose(prepared.array.numpy(), in_plane[:, :, nearest], atol=2e-2)


@pytest.mark.parametrize("spec", [CUBIC, AVERAGE])
def test_slabs_of_one_slice_give_what_the_whole_gives(
    spec: InputSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = make_scan()
    whole = preprocess(scan, spec)

    monkeypatch.setattr(module, "_SLAB_VOXELS", 1)
    sliced = preprocess(scan, spec)

    torch.testing.assert_close(sliced.array, whole.array, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(sliced.body.array, whole.body.array)


def test_averaging_comes_before_clipping() -> None:
    array = np.zeros((8, 8, 8), np.int16)
    array[::2] = -1000
    array[1::2] = 1000
    scan = Scan(array, Grid((8, 8, 8), np.diag([3.0, 3.0, 3.0, 1.0])))

    prepared = preprocess(scan, AVERAGE)

    # Half -1000 and half 1000 is 0 HU, 150 / 400 of the range; clipped first it would be half.
    inner = prepared.array[1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.375), rtol=0, atol=1e-5)


def test_the_scans_place_in_space_is_kept_whatever_its_orientation() -> None:
    affine = np.array([[0, 0, 2.0, -9], [-3, 0.2, 0, 8], [0, 2.5, 0.1, 7], [0, 0, 0, 1.0]])
    scan = Scan(np.zeros((12, 20, 16), np.int16), Grid((12, 20, 16), affine))

    prepared = preprocess(scan, CUBIC)

    assert prepared.grid.axcodes == "RAS"
    assert prepared.grid.matches(network_grid(scan.grid, CUBIC))
    middle = (np.array(prepared.grid.shape) - 1) / 2
    expected = scan.grid.to_ras((np.array(scan.grid.shape) - 1) / 2)
    np.testing.assert_allclose(prepared.grid.to_ras(middle), expected, atol=1e-9)


def test_the_scan_itself_is_not_changed() -> None:
    scan = make_scan()
    floating = Scan(scan.array.astype(np.float32), scan.grid)
    before = floating.array.copy()

    preprocess(floating, CUBIC)

    np.testing.assert_array_equal(floating.array, before)


@pytest.mark.parametrize(
    ("kind", "expected", "around"),
    [("unit", [0.0, 0.5, 1.0], 0.0), ("symmetric", [-1.0, 0.0, 1.0], -1.0)],
)
def test_normalizing_maps_the_clip_range(kind: str, expected: list[float], around: float) -> None:
    spec = replace(CUBIC, normalize=kind)

    found = normalize(torch.tensor([-1000.0, 50.0, 3000.0]), spec)

    assert found.tolist() == pytest.approx(expected)
    assert padding_value(spec) == around


def test_zscore_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    assert normalize(torch.tensor([130.0]), CUBIC).tolist() == pytest.approx([1.0])
    assert padding_value(CUBIC) == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_densities_that_are_no_numbers_are_refused(value: float) -> None:
    array = make_scan().array.astype(np.float32)
    array[3, 4, 5] = value

    with pytest.raises(InputError, match="finite"):
        preprocess(Scan(array, make_scan().grid), CUBIC)


def test_preparing_stops_when_asked_to() -> None:
    cancel = CancelToken()
    cancel.cancel()

    with pytest.raises(Cancelled):
        preprocess(make_scan(), CUBIC, cancel=cancel)


def test_the_body_is_the_large_part_above_minus_300_hu() -> None:
    array = np.full((60, 60, 40), -1000, np.int16)
    array[12:48, 18:42, :] = 0
    array[0, 0, 0] = 0
    scan = Scan(array, Grid((60, 60, 40), np.diag([3.0, 3.0, 3.0, 1.0])))

    body = preprocess(scan, CUBIC).body

    assert body.stride == (2, 2, 2)
    assert body.touches((12, 18, 0), (4, 4, 4))
    assert not body.touches((0, 0, 0), (8, 8, 8))
    assert not body.touches((52, 0, 0), (8, 60, 40))
    np.testing.assert_allclose(body.center_ijk(), [29.0, 29.0, 19.0], atol=1.5)


def test_a_scan_of_air_has_no_body() -> None:
    scan = Scan(np.full((8, 8, 8), -1000, np.int16), Grid((8, 8, 8), np.diag([3.0, 3, 3, 1])))

    body = preprocess(scan, CUBIC).body

    assert not body.touches((0, 0, 0), (8, 8, 8))
    assert np.isnan(body.center_ijk()).all()
