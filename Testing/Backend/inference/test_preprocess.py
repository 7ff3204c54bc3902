from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage

from atlastumor.errors import Cancelled, InputError
from atlastumor.inference import preprocess as module
from atlastumor.inference.intensity import ImageStatistics, normalize, padding_value
from atlastumor.inference.orientation import find_orientation, orient
from atlastumor.inference.preprocess import network_grid, preprocess
from atlastumor.models.specs import InputSpec
from atlastumor.progress import CancelToken
from atlastumor.volume import Grid, Scan

from .pretend import make_scan

CUBIC = InputSpec("RAS", (3.0, 3.0, 3.0), (-150.0, 250.0), "zscore", 3, mean=40.0, std=90.0)
AVERAGE = InputSpec("RAS", (6.0, 6.0, 6.0), (-150.0, 250.0), "unit", 1, antialias=True)
IMAGE = InputSpec("RAS", (2.0, 3.0, 2.5), None, "zscore_image", 3, crop_zeros=True)
AS_MONAI = InputSpec("LPS", (3.3, 2.1, 2.9), (-150.0, 250.0), "unit", 1, resample="monai")


def resample_as_nnunet(
    hu: npt.NDArray[np.float64], spec: InputSpec, shape: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Clip, normalize, then skimage's cubic resize, in double precision."""
    values = (np.clip(hu, *spec.clip_hu) - spec.mean) / spec.std
    factors = [new / old for new, old in zip(shape, values.shape, strict=True)]
    resized = ndimage.zoom(values, factors, order=3, mode="nearest", grid_mode=True)
    return np.clip(resized, values.min(), values.max())


def test_cubic_resampling_is_nnunets() -> None:
    scan = make_scan()

    prepared = preprocess(scan, CUBIC)

    assert prepared.array.shape == (16, 20, 25)
    expected = resample_as_nnunet(scan.array.astype(float), CUBIC, (16, 20, 25))
    np.testing.assert_allclose(prepared.array.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_coarse_axis_takes_the_nearest_slice(axis: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shape, spacing_mm, wanted = [24, 20], [1.0, 1.5], [8, 10]
    for sizes, size in ((shape, 6), (spacing_mm, 7.0), (wanted, 14)):
        sizes.insert(axis, size)
    scan = make_scan(tuple(shape), tuple(spacing_mm))
    monkeypatch.setattr(module, "_SLAB_VOXELS", 1)

    prepared = preprocess(scan, CUBIC)

    flat = [1 if n == axis else size for n, size in enumerate(wanted)]
    slices = [  # nnU-Net keeps each slice within the slice's own range
        resample_as_nnunet(part.astype(float), CUBIC, flat)
        for part in np.split(scan.array, 6, axis=axis)
    ]
    nearest = np.floor((np.arange(14) + 0.5) * 6 / 14).astype(int)
    expected = np.take(np.concatenate(slices, axis=axis), nearest, axis=axis)
    np.testing.assert_allclose(prepared.array.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("spec", [CUBIC, AVERAGE, IMAGE, AS_MONAI])
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
    preprocess(floating, IMAGE)

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


def test_the_sigmoid_of_a_range_is_not_clipped() -> None:
    spec = replace(CUBIC, normalize="sigmoid")

    found = normalize(torch.tensor([-150.0, 50.0, 650.0]), spec).tolist()

    assert found == pytest.approx([1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-3))])


def test_no_clipping_and_no_normalizing_leave_densities_as_they_are() -> None:
    spec = replace(CUBIC, clip_hu=None, normalize="none")

    assert normalize(torch.tensor([-3000.0, 9000.0]), spec).tolist() == [-3000.0, 9000.0]
    assert normalize(torch.tensor([100.0]), replace(CUBIC, clip_hu=None, mean=0.0, std=255.0)) == (
        pytest.approx(100 / 255)
    )


def test_statistics_of_parts_are_those_of_the_whole() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 300 + 20_000
    image = ImageStatistics()
    for part in values.split([1, 9, 500, 490]):
        image.add(part)

    assert image.mean == pytest.approx(float(values.double().mean()), rel=1e-9)
    assert image.std == pytest.approx(float(values.double().std(correction=0)), rel=1e-9)
    assert (image.low, image.high) == (float(values.min()), float(values.max()))


@pytest.mark.parametrize(
    ("kind", "clip_hu"), [("zscore_image", None), ("zscore_image", (-100.0, 100.0)),
                          ("minmax_image", None)]
)  # fmt: skip
def test_the_image_itself_sets_the_scale_before_it_is_resampled(
    kind: str, clip_hu: tuple[float, float] | None
) -> None:
    scan = make_scan()
    values = scan.array.astype(float).clip(*clip_hu or (None, None))
    shift, scale = values.mean(), values.std()
    if kind == "minmax_image":
        shift, scale = values.min(), np.ptp(values)
    known = replace(CUBIC, clip_hu=clip_hu, mean=float(shift), std=float(scale))

    found = preprocess(scan, replace(CUBIC, clip_hu=clip_hu, normalize=kind, mean=None, std=None))

    torch.testing.assert_close(found.array, preprocess(scan, known).array, rtol=1e-5, atol=1e-5)
    assert padding_value(replace(CUBIC, normalize=kind)) == 0.0


@pytest.mark.parametrize("kind", ["zscore_image", "minmax_image"])
def test_an_image_of_one_density_becomes_0(kind: str) -> None:
    scan = Scan(np.full((8, 8, 8), 30, np.int16), Grid((8, 8, 8), np.eye(4)))

    assert (preprocess(scan, replace(IMAGE, normalize=kind)).array == 0).all()


def test_zeros_around_the_scan_are_cropped_as_nnunet_does() -> None:
    inner = make_scan()
    array = np.pad(inner.array, ((3, 1), (0, 2), (4, 0)))
    affine = inner.grid.affine.copy()
    affine[:3, 3] -= np.array([3, 0, 4]) * inner.grid.spacing_mm
    padded = Scan(array, Grid(array.shape, affine))

    found, expected = preprocess(padded, IMAGE), preprocess(inner, IMAGE)

    assert found.box == (slice(3, 27), slice(0, 20), slice(4, 34))
    assert found.grid.matches(expected.grid)
    torch.testing.assert_close(found.array, expected.array)


def test_a_scan_of_zeros_alone_is_not_cropped() -> None:
    scan = Scan(np.zeros((8, 6, 4), np.int16), Grid((8, 6, 4), np.eye(4)))

    assert preprocess(scan, IMAGE).source_grid.shape == (8, 6, 4)


def test_stored_axes_stay_as_the_file_has_them() -> None:
    scan = make_scan()
    turned = find_orientation(scan.grid, "SPL")
    array = np.ascontiguousarray(orient(scan.array, turned))
    affine = np.array([[0, 0, -2.0, 0], [0, -3.0, 0, 0], [2.5, 0, 0, 0], [0, 0, 0, 1.0]])
    stored = Scan(array, Grid(array.shape, affine))

    found = preprocess(stored, replace(CUBIC, orientation="stored"))
    named = preprocess(stored, replace(CUBIC, orientation="SPL"))

    assert found.grid.axcodes == "SPL"
    assert torch.equal(found.array, named.array)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "RAI", "SAL"])
@pytest.mark.parametrize("kind", ["unit", "zscore_image"])
def test_resampling_as_monai_is_monais(codes: str, kind: str) -> None:
    from monai.data import MetaTensor
    from monai.transforms import NormalizeIntensity, Orientation, ScaleIntensityRange, Spacing

    scan, spec = make_scan(), replace(AS_MONAI, orientation=codes, normalize=kind)
    image = MetaTensor(scan.array.astype(np.float32)[None], np.array(scan.grid.affine))
    image = Orientation(axcodes=codes, labels=(("L", "R"), ("P", "A"), ("I", "S")))(image)
    image = Spacing(pixdim=spec.spacing_mm, mode="bilinear")(image)
    low, high = spec.clip_hu
    if kind == "unit":
        image = ScaleIntensityRange(low, high, 0.0, 1.0, clip=True)(image)
    else:
        image = NormalizeIntensity()(torch.clamp(image, low, high))

    found = preprocess(scan, spec)

    np.testing.assert_allclose(found.array.numpy(), image[0].numpy(), atol=2e-5)
    np.testing.assert_allclose(found.grid.affine, image.affine.numpy(), atol=1e-5)
    assert found.grid.matches(network_grid(scan.grid, spec))


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
