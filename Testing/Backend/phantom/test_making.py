import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import InputError
from atlastumor.organs import KEYS, find_organ, label_names
from atlastumor.phantom import Phantom, PhantomOptions, TumorOptions, make_phantom
from atlastumor.phantom.making import _tidy_tumors
from atlastumor.phantom.tumors import NEIGHBORS
from atlastumor.volume import Grid

COARSE = PhantomOptions(
    field_of_view="abdomen-pelvis",
    phase="portal",
    sex="female",
    slice_mm=5.0,
    in_plane_mm=4.0,
    noise_hu=10.0,
    tumors=TumorOptions(per_organ_probability=1.0, clear_probability=0.0),
)


@pytest.fixture(scope="module")
def a_phantom() -> Phantom:
    """A woman with tumors in every organ, in coarse voxels."""
    return make_phantom(2_000_200, options=COARSE)


def test_the_same_seed_gives_the_same_bytes(a_phantom: Phantom) -> None:
    again = make_phantom(2_000_200, options=COARSE)

    assert again.scan.array.tobytes() == a_phantom.scan.array.tobytes()
    assert again.labels.array.tobytes() == a_phantom.labels.array.tobytes()
    assert again.scan.grid.matches(a_phantom.scan.grid)
    assert again.description == a_phantom.description


def test_labels_lie_on_the_grid_of_the_scan_and_are_known(a_phantom: Phantom) -> None:
    assert a_phantom.labels.grid.matches(a_phantom.scan.grid)
    assert set(np.unique(a_phantom.labels.array)) <= {0, *label_names()}


def test_the_scan_holds_whole_hounsfield_units(a_phantom: Phantom) -> None:
    hu = a_phantom.scan.array

    assert hu.dtype == np.int16
    assert hu.min() >= -1024
    assert np.median(hu[0, 0]) < -950


def test_the_liver_has_the_density_of_its_phase(a_phantom: Phantom) -> None:
    liver = a_phantom.labels.array == find_organ("liver").label
    inner = ndimage.binary_erosion(liver, iterations=2)

    assert 80 < a_phantom.scan.array[inner].mean() < 140


def test_the_grain_is_as_strong_as_asked() -> None:
    options = PhantomOptions(field_of_view="upper abdomen", slice_mm=10.0, in_plane_mm=5.0)
    quiet, loud = (
        make_phantom(9, options=replace(options, noise_hu=noise)) for noise in (0.0, 40.0)
    )
    middle = tuple(slice(n // 2 - 5, n // 2 + 5) for n in quiet.scan.grid.shape)

    added = loud.scan.array[middle].astype(float) - quiet.scan.array[middle]

    assert added.std() == pytest.approx(1.1 * 40, rel=0.15)


def test_every_recorded_tumor_is_one_component_of_its_size(a_phantom: Phantom) -> None:
    labels, grid = a_phantom.labels.array, a_phantom.labels.grid
    for key in KEYS:
        parts, n = ndimage.label(labels == find_organ(key).tumor_label, NEIGHBORS)
        recorded = [lesion for lesion in a_phantom.lesions if lesion.organ == key]

        assert n == len(recorded)
        counts = sorted(np.bincount(parts.ravel())[1:] * grid.voxel_ml)
        assert counts == pytest.approx(sorted(lesion.volume_ml for lesion in recorded))


def test_the_recorded_center_is_where_the_tumor_is(a_phantom: Phantom) -> None:
    for lesion in a_phantom.lesions:
        i, j, k = a_phantom.labels.grid.to_ijk(lesion.center_ras).round().astype(int)
        around = a_phantom.labels.array[i - 2 : i + 3, j - 2 : j + 3, k - 2 : k + 3]

        assert (around == lesion.label).any()


def test_the_liver_is_on_the_right_however_the_file_is_laid_out() -> None:
    options = PhantomOptions(field_of_view="upper abdomen", slice_mm=10.0, in_plane_mm=5.0)
    layouts = set()
    for seed in range(5):
        phantom = make_phantom(seed, options=options)
        layouts.add(phantom.scan.grid.axcodes)
        middle = phantom.scan.grid.to_ras((np.array(phantom.scan.grid.shape) - 1) / 2)
        liver = np.argwhere(phantom.labels.array == find_organ("liver").label).mean(axis=0)

        assert phantom.scan.grid.to_ras(liver)[0] > middle[0] + 20

    assert len(layouts) > 1


def test_the_affine_survives_storage_in_single_precision(a_phantom: Phantom) -> None:
    affine = a_phantom.scan.grid.affine

    assert (affine.astype(np.float32).astype(np.float64) == affine).all()


def test_the_spacing_is_as_asked(a_phantom: Phantom) -> None:
    assert a_phantom.scan.grid.spacing_mm == pytest.approx((4.0, 4.0, 5.0))


def test_the_description_is_json_and_names_the_seed(a_phantom: Phantom) -> None:
    told = json.loads(json.dumps(a_phantom.description, allow_nan=False))

    assert told["seed"] == 2_000_200
    assert told["sex"] == "female"
    assert told["phase"] == "portal"
    assert len(told["lesions"]) == len(a_phantom.lesions)


def test_crumbs_of_a_tumor_become_organ_again() -> None:
    liver = find_organ("liver")
    labels = np.full((20, 20, 20), liver.label, np.uint8)
    labels[2:8, 2:8, 2:8] = liver.tumor_label
    labels[15, 15, 15] = liver.tumor_label

    _tidy_tumors(labels, Grid((20, 20, 20), np.eye(4)))

    assert labels[15, 15, 15] == liver.label
    assert (labels == liver.tumor_label).sum() == 216


def test_progress_rises_to_one() -> None:
    told: list[float] = []

    make_phantom(4, options=COARSE, progress=lambda fraction, _: told.append(fraction))

    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    "options",
    [
        {"field_of_view": "head"},
        {"phase": "venous"},
        {"sex": "x"},
        {"slice_mm": 0.1},
        {"in_plane_mm": float("nan")},
        {"noise_hu": -1.0},
    ],
)
def test_a_bad_option_is_an_input_error(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        PhantomOptions(**options)


def test_a_negative_seed_is_an_input_error() -> None:
    with pytest.raises(InputError, match="not negative"):
        make_phantom(-5)
