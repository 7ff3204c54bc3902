"""From a scan and a request to a scan with a tumor."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import (
    Cancelled,
    GridMismatchError,
    InputError,
    PlacementError,
    UnknownKeyError,
)
from atlastumor.progress import CancelToken
from atlastumor.synthesis import Patch
from atlastumor.synthesis.handcrafted import Handcrafted
from atlastumor.synthesis.methods import find_method
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.result import SYNTHETIC_NOTE
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import Grid, LabelMap, Scan, Source
from Backend.synthesis.contract import find_tumor
from Backend.synthesis.made_case import (
    CENTERS_RAS,
    DENSITY_HU,
    Case,
)


def test_the_inputs_are_not_changed(a_case: Case) -> None:
    arrays = (a_case.scan.array, a_case.labels.array)
    before = [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays]
    names = dict(a_case.labels.names)

    request = TumorRequest("liver", 18.0, 1, mass_effect=True, capsule=True)
    result = synthesize(a_case.scan, a_case.labels, request)

    assert [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays] == before
    assert dict(a_case.labels.names) == names
    assert not np.shares_memory(result.scan.array, a_case.scan.array)


def test_the_same_seed_gives_the_same_bytes_and_another_another_tumor(a_case: Case) -> None:
    first, second, other = (
        synthesize(a_case.scan, a_case.labels, TumorRequest("kidney", 14.0, seed))
        for seed in (4, 4, 5)
    )

    assert first.scan.array.tobytes() == second.scan.array.tobytes()
    assert first.labels.array.tobytes() == second.labels.array.tobytes()
    assert first.lesion == replace(second.lesion, score=first.lesion.score)
    assert first.center_ras != other.center_ras


def test_options_leave_place_and_shape_as_they_are(a_case: Case) -> None:
    plain = TumorRequest("liver", 22.0, 9)
    changed = replace(plain, capsule=True, mass_effect=True, contrast_hu=30.0, method="cellular")

    tumors = [
        find_tumor(synthesize(a_case.scan, a_case.labels, request), a_case.labels)
        for request in (plain, changed)
    ]

    assert np.array_equal(*tumors)


@pytest.mark.parametrize("contrast_hu", [-70.0, -30.0, 40.0])
def test_the_core_differs_from_the_organ_by_the_contrast_asked_for(
    a_case: Case, contrast_hu: float
) -> None:
    request = TumorRequest("liver", 30.0, 2, contrast_hu=contrast_hu, center_ras=(50.0, 10.0, 45.0))

    result = synthesize(a_case.scan, a_case.labels, request)

    tumor = find_tumor(result, a_case.labels)
    core = ndimage.distance_transform_edt(tumor, a_case.scan.grid.spacing_mm) > 3.0
    measured = result.scan.array[core].mean() - DENSITY_HU["liver"]
    assert measured == pytest.approx(contrast_hu, abs=max(0.15 * abs(contrast_hu), 3.0))
    assert result.contrast_hu == pytest.approx(contrast_hu, rel=0.2)


def test_the_noise_inside_is_the_organs_own(a_case: Case) -> None:
    request = TumorRequest("liver", 30.0, 2, center_ras=(50.0, 10.0, 45.0))

    result = synthesize(a_case.scan, a_case.labels, request)

    tumor = find_tumor(result, a_case.labels)
    core = ndimage.distance_transform_edt(tumor, a_case.scan.grid.spacing_mm) > 3.0
    away = ndimage.distance_transform_edt(~tumor, a_case.scan.grid.spacing_mm)
    organ = (a_case.labels.array == 5) & (away > 6.0) & (a_case.scan.array < 150)
    steps = np.abs(np.diff(result.scan.array.astype(float), axis=1))
    both = [steps[:, :][m[:, 1:] & m[:, :-1]].std() for m in (core, organ)]
    assert both[0] == pytest.approx(both[1], rel=0.25)


def test_a_click_decides_where_the_tumor_lies(a_case: Case) -> None:
    center = CENTERS_RAS["pancreas"]

    result = synthesize(
        a_case.scan, a_case.labels, TumorRequest("pancreas", 12.0, 0, center_ras=center)
    )

    away = np.linalg.norm(np.array(result.lesion.centroid_ras) - center)
    assert away < 4.0
    assert np.abs(np.array(result.center_ras) - center).max() <= 2.0


def test_a_tumor_whose_middle_lies_elsewhere_says_how_far(a_case: Case) -> None:
    at_the_surface = (50.0, 10.0, 25.0 + 36.0)
    deep, shallow = (
        synthesize(a_case.scan, a_case.labels, TumorRequest("liver", 30.0, 0, center_ras=center))
        for center in ((50.0, 10.0, 25.0), at_the_surface)
    )

    assert deep.off_center_mm < 2.5
    assert deep.notes == ()
    away = np.linalg.norm(np.array(shallow.lesion.centroid_ras) - at_the_surface)
    assert shallow.off_center_mm == pytest.approx(away)
    assert f"middle lies {away:.0f} mm from the place asked for" in shallow.notes[0]


def test_a_second_tumor_does_not_touch_the_first(a_case: Case) -> None:
    first = synthesize(a_case.scan, a_case.labels, TumorRequest("liver", 16.0, 1))

    both = synthesize(first.scan, first.labels, TumorRequest("liver", 16.0, 2))

    assert ndimage.label(both.labels.array == 27, np.ones((3, 3, 3)))[1] == 2
    assert both.lesion.volume_ml == pytest.approx(first.lesion.volume_ml, rel=0.1)


def test_a_side_is_named_in_a_paired_organ(a_case: Case) -> None:
    request = TumorRequest("kidney", 12.0, 0, center_ras=CENTERS_RAS["kidney"])

    assert synthesize(a_case.scan, a_case.labels, request).lesion.side == "right"


def test_other_tumors_beside_it_count_for_no_side(a_case: Case) -> None:
    ras = a_case.labels.grid.to_ras(np.stack(np.indices(a_case.labels.grid.shape), axis=-1))
    away = np.linalg.norm(ras - CENTERS_RAS["kidney"], axis=-1)
    array = a_case.labels.array.copy()
    array[(array == 4) & (away > 8.5)] = 29
    labels = replace(a_case.labels, array=array)
    request = TumorRequest("kidney", 7.0, 0, center_ras=CENTERS_RAS["kidney"])

    assert synthesize(a_case.scan, labels, request).lesion.side == "right"


def test_the_scan_says_that_it_is_synthetic_and_names_no_dicom_files(a_case: Case) -> None:
    source = Source("dicom", "ab12", (Path("slice.dcm"),), ("Rescaled.",))
    scan = Scan(a_case.scan.array, a_case.scan.grid, source)

    result = synthesize(scan, a_case.labels, TumorRequest("liver", 15.0, 7))

    assert result.scan.source.notes[0] == SYNTHETIC_NOTE
    assert "'handcrafted' with the seed 7" in result.scan.source.notes[1]
    assert result.scan.source.notes[-1] == "Rescaled."
    assert result.scan.source.dicom_files == ()
    assert result.original is source


def test_progress_rises_to_the_end_and_cancelling_stops(a_case: Case) -> None:
    told: list[float] = []
    request = TumorRequest("liver", 15.0, 7)

    synthesize(
        a_case.scan, a_case.labels, request, progress=lambda fraction, _: told.append(fraction)
    )

    assert told == sorted(told)
    assert told[-1] == 1.0
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        synthesize(a_case.scan, a_case.labels, request, cancel=cancel)


def test_a_tumor_larger_than_its_organ_is_refused_with_the_largest_that_fits(
    a_case: Case,
) -> None:
    with pytest.raises(PlacementError, match=r"60 mm does not fit.*the largest that does is \d+"):
        synthesize(a_case.scan, a_case.labels, TumorRequest("pancreas", 60.0, 0))


@pytest.mark.parametrize("field", ["method", "shape"])
def test_unknown_methods_and_shapes_are_refused(a_case: Case, field: str) -> None:
    request = replace(TumorRequest("liver", 15.0, 0), **{field: "magic"})

    with pytest.raises(UnknownKeyError, match=f"no {field} 'magic'"):
        synthesize(a_case.scan, a_case.labels, request)


def test_a_method_kept_ready_paints_the_same_and_must_be_the_one_asked_for(a_case: Case) -> None:
    request = TumorRequest("liver", 12.0, 0)

    fresh = synthesize(a_case.scan, a_case.labels, request)
    kept = synthesize(a_case.scan, a_case.labels, request, method=find_method("handcrafted"))

    assert kept.scan.array.tobytes() == fresh.scan.array.tobytes()
    with pytest.raises(ValueError, match="names the method 'handcrafted' but 'cellular'"):
        synthesize(a_case.scan, a_case.labels, request, method=find_method("cellular"))


def test_a_method_that_looks_far_gets_a_patch_that_reaches_so_far(a_case: Case) -> None:
    seen: list[float] = []

    class Far(Handcrafted):
        reach_mm = 60.0

        def paint(self, patch: Patch, *others: Any, **more: Any) -> np.ndarray:
            seen.extend(n * mm for n, mm in zip(patch.shape, patch.spacing_mm, strict=True))
            return super().paint(patch, *others, **more)

    request = TumorRequest("liver", 12.0, 0, center_ras=(20.0, 10.0, 15.0))
    synthesize(a_case.scan, a_case.labels, request, method=Far())

    assert min(seen) >= 120.0


def test_a_tumor_that_can_hardly_be_seen_is_told_of(a_case: Case) -> None:
    notes = [
        synthesize(
            a_case.scan, a_case.labels, TumorRequest("liver", 20.0, 0, contrast_hu=contrast_hu)
        ).notes
        for contrast_hu in (-2.0, -50.0)
    ]

    assert "will hardly be seen" in notes[0][0]
    assert notes[1] == ()


def test_labels_of_another_grid_and_without_the_organ_are_refused(a_case: Case) -> None:
    other = Grid(a_case.scan.grid.shape, a_case.scan.grid.affine + np.eye(4, k=3) * 5.0)
    moved = LabelMap(a_case.labels.array, other, {})
    empty = LabelMap(np.zeros_like(a_case.labels.array), a_case.scan.grid, {})
    request = TumorRequest("liver", 15.0, 0)

    with pytest.raises(GridMismatchError):
        synthesize(a_case.scan, moved, request)
    with pytest.raises(InputError, match="holds no liver"):
        synthesize(a_case.scan, empty, request)
