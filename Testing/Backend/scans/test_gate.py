from __future__ import annotations

import numpy as np
import pytest

from atlastumor.errors import InputError
from atlastumor.scans.gate import check_geometry, require_volume, shear_degrees
from atlastumor.scans.hounsfield import check_hounsfield, scan_dtype, store_hu

from .bodies import SHAPE, a_body, an_affine


def _sheared(degrees: float) -> np.ndarray:
    affine = an_affine()
    affine[:3, 2] += affine[:3, 1] * np.tan(np.radians(degrees)) * 4.0 / 2.5
    return affine


@pytest.mark.parametrize("degrees", [0.0, 5.0, 30.0])
def test_shear_is_measured_in_degrees(degrees: float) -> None:
    assert shear_degrees(_sheared(degrees)) == pytest.approx(degrees, abs=1e-6)


def test_a_shear_below_a_tenth_of_a_degree_passes() -> None:
    check_geometry(SHAPE, _sheared(0.09))
    with pytest.raises(InputError, match=r"0\.[12] degrees"):
        check_geometry(SHAPE, _sheared(0.15))


@pytest.mark.parametrize("axcodes", ["RAS", "LPS", "SAL", "PIR"])
def test_oblique_and_flipped_grids_pass(axcodes: str) -> None:
    check_geometry(SHAPE, an_affine(axcodes, oblique=True))


def test_eight_slices_are_enough_and_seven_are_not() -> None:
    check_geometry((40, 34, 8), an_affine())
    with pytest.raises(InputError, match="only 7 slices"):
        check_geometry((40, 34, 7), an_affine())


def test_a_whole_body_scan_in_thin_slices_passes() -> None:
    check_geometry((512, 512, 3000), np.diag([0.9, 0.9, 0.6, 1.0]))


def test_trailing_axes_of_one_are_dropped() -> None:
    assert require_volume((5, 6, 7)) == ((5, 6, 7), ())
    assert require_volume((5, 6, 7, 1, 1))[0] == (5, 6, 7)


def _body(**changes: object) -> np.ndarray:
    """A body of 100,000 voxels: shares of air, fat, soft tissue, bone and metal in percent."""
    shares = {"air": 40, "fat": 20, "soft": 35, "bone": 5, "metal": 0} | changes
    centers = {"air": -1000, "fat": -100, "soft": 50, "bone": 800, "metal": 25000}
    values = np.concatenate([np.full(n * 1000, centers[name]) for name, n in shares.items()])
    noise = np.random.default_rng(3).normal(0, 12, len(values))
    return (values + noise).astype(np.int16).reshape(-1, 10, 10)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(_body(), id="a usual scan"),
        pytest.param(np.maximum(_body(), -1000), id="clipped air"),
        pytest.param(_body(air=0, fat=60), id="cropped to the body"),
        pytest.param(_body(air=90, fat=3, soft=6, bone=1), id="a wide field of view"),
        pytest.param(_body(metal=2), id="metal to 25000"),
        pytest.param(_body(air=0, fat=10, soft=80, bone=10), id="a lean body without air"),
        pytest.param(_body(bone=12), id="dense contrast"),
        pytest.param(_body().astype(np.float32) + 0.5, id="float32"),
        pytest.param(_body() - np.int16(24) * (_body() < -900), id="air at -1024"),
        pytest.param(np.round(_body() / 50).astype(np.int16) * np.int16(50), id="coarse steps"),
    ],
)
def test_real_ranges_of_ct_pass(array: np.ndarray) -> None:
    check_hounsfield(array)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(_body() + np.int16(1100), id="raised to be positive"),
        pytest.param(_body() - np.int16(1024), id="intercept twice"),
        pytest.param((_body() / 1000).astype(np.float32), id="normalized"),
        pytest.param(np.where(_body() < -900, -2000, _body() + 1024), id="padded stored values"),
        pytest.param(_body(air=0, fat=0, soft=100, bone=0), id="neither air nor fat"),
        pytest.param(_body(air=60, fat=0, soft=0, bone=40), id="no soft tissue"),
        pytest.param(_body() * 10, id="ten times too much"),
    ],
)
def test_values_that_are_no_hounsfield_units_are_refused(array: np.ndarray) -> None:
    kept = array if array.dtype == np.float32 else array.astype(np.int16)

    with pytest.raises(InputError, match="no Hounsfield units"):
        check_hounsfield(kept)


def test_whole_numbers_are_kept_as_int16_and_others_as_float32() -> None:
    assert scan_dtype(np.uint16, 1.0, -1024.0) == np.int16
    assert scan_dtype(np.int16, 2.0, 0.0) == np.int16
    assert scan_dtype(np.int16, 0.5, 0.0) == np.float32
    assert scan_dtype(np.int16, 1.0, 0.5) == np.float32
    assert scan_dtype(np.float64, 1.0, 0.0) == np.float32


def test_values_beyond_int16_are_refused_and_not_wrapped() -> None:
    out = np.zeros(3, np.int16)

    store_hu(np.array([0, 1, 33791], np.uint16), out, intercept=-1024)
    assert out.tolist() == [-1024, -1023, 32767]
    with pytest.raises(InputError, match="from -1024 to 32768"):
        store_hu(np.array([0, 1, 33792], np.uint16), out, intercept=-1024)


def test_the_gate_accepts_the_bodies_of_these_tests() -> None:
    check_hounsfield(a_body())
    check_geometry(SHAPE, an_affine())
