from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from atlastumor.errors import Cancelled
from atlastumor.inference.body import BodyMask
from atlastumor.inference.orientation import find_orientation, orient
from atlastumor.models.specs import ModelCard
from atlastumor.progress import CancelToken
from atlastumor.volume import Grid, Scan

from .pretend import (
    PretendBackend,
    by_density,
    make_card,
    make_scan,
    segment,
    turn,
)
from .test_orientation import CODES


def label_by_hand(scan: Scan, card: ModelCard) -> np.ndarray:
    """Linear resampling there and back by scipy, and the pointwise rule of `by_density`."""
    hu = np.clip(scan.array.astype(float), -1000, 1000)
    shape = [
        round(a / b * n)
        for a, b, n in zip(scan.grid.spacing_mm, card.input.spacing_mm, hu.shape, strict=True)
    ]
    for target in (shape, hu.shape):
        factors = [new / old for new, old in zip(target, hu.shape, strict=True)]
        hu = ndimage.zoom(hu, factors, order=1, mode="nearest", grid_mode=True)
        if target is shape:
            logits = by_density(torch.from_numpy((hu + 1000) / 2000)[None, None])[0].numpy()
    fine = [
        ndimage.zoom(
            channel,
            [new / old for new, old in zip(scan.array.shape, shape, strict=True)],
            order=1,
            mode="nearest",
            grid_mode=True,
        )
        for channel in logits
    ]
    return np.array([0, 5, 27, 3, 29], np.uint8)[np.argmax(fine, axis=0)]


@pytest.mark.parametrize("spacing_mm", [(3.0, 3.0, 3.0), (4.0, 2.0, 5.0)])
def test_labels_are_those_computed_by_hand(spacing_mm: tuple[float, float, float]) -> None:
    scan, card = make_scan(), make_card(spacing_mm=spacing_mm)

    found = segment(scan, card).labels

    expected = label_by_hand(scan, card)
    assert len(np.unique(expected)) == 5
    assert (found != expected).mean() < 2e-4  # rounding at the border of two labels


@pytest.mark.parametrize("codes", CODES)
def test_a_scan_in_any_orientation_gets_the_same_labels(codes: str) -> None:
    scan, card = make_scan((14, 12, 22)), make_card()
    expected = segment(scan, card).labels

    turned = turn(scan, codes)
    found = segment(turned, card).labels

    assert found.shape == turned.array.shape
    back = find_orientation(turned.grid, "RAS")
    np.testing.assert_array_equal(orient(found, back), expected)


def test_an_oblique_scan_is_seen_on_its_own_lattice() -> None:
    straight, card = make_scan(), make_card()
    tilt = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]])
    affine = straight.grid.affine.copy()
    affine[:3, :3] = tilt @ affine[:3, :3]
    oblique = Scan(straight.array, Grid(straight.grid.shape, affine))

    np.testing.assert_array_equal(segment(oblique, card).labels, segment(straight, card).labels)


@pytest.mark.parametrize("shape", [(6, 30, 5), (1, 9, 4), (40, 3, 3)])
def test_a_scan_smaller_than_a_window_is_padded(shape: tuple[int, int, int]) -> None:
    scan, card = make_scan(shape, (3.0, 3.0, 3.0)), make_card()

    found = segment(scan, card).labels

    borders = np.array([-100.0, 100.0, 200.0, 300.0])
    values = np.array([0, 5, 27, 3, 29], np.uint8)
    far = np.abs(scan.array[..., None] - borders).min(axis=-1) > 0.5
    expected = values[np.searchsorted(borders, scan.array)]
    np.testing.assert_array_equal(found[far], expected[far])


def test_leaving_out_air_changes_no_label(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.full((70, 60, 50), -1000, np.int16)
    array[5:35, 8:30, 4:44] = make_scan((30, 22, 40)).array
    scan, card = Scan(array, Grid(array.shape, np.diag([3.0, 3.0, 3.0, 1.0]))), make_card()
    partly = segment(scan, card)

    monkeypatch.setattr(BodyMask, "touches", lambda *_: True)
    fully = segment(scan, card)

    assert partly.windows_skipped > 0
    assert fully.windows_skipped == 0
    assert partly.windows_run + partly.windows_skipped == fully.windows_run
    np.testing.assert_array_equal(partly.labels, fully.labels)


def test_a_scan_of_air_runs_no_window() -> None:
    scan = Scan(np.full((20, 20, 20), -1000, np.int16), Grid((20, 20, 20), np.diag([3.0, 3, 3, 1])))

    raw = segment(scan, make_card())

    assert raw.windows_run == 0
    assert not raw.labels.any()
    assert np.isnan(raw.body_center_mm)


@pytest.mark.parametrize("batch", [2, 5])
def test_the_batch_does_not_change_the_result(batch: int) -> None:
    scan, card = make_scan(), make_card()

    one, many = segment(scan, card), segment(scan, card, batch=batch)

    np.testing.assert_array_equal(one.labels, many.labels)
    np.testing.assert_array_equal(
        one.probabilities["liver"].array, many.probabilities["liver"].array
    )


def test_two_runs_give_the_same_bytes() -> None:
    scan, card = make_scan(), make_card(thresholds={"liver": 0.4})

    first, second = segment(scan, card), segment(scan, card)

    assert first.labels.tobytes() == second.labels.tobytes()
    for key, probability in first.probabilities.items():
        assert probability.array.tobytes() == second.probabilities[key].array.tobytes()


def test_mirroring_changes_nothing_for_a_pointwise_network() -> None:
    scan, card, backend = make_scan(), make_card(), PretendBackend(by_density)

    plain, mirrored = segment(scan, card), segment(scan, card, backend=backend, mirror=True)

    np.testing.assert_array_equal(plain.labels, mirrored.labels)
    assert backend.n_windows == 8 * plain.windows_run


def test_progress_rises_from_stage_to_stage_up_to_1() -> None:
    told: list[tuple[float, str]] = []

    segment(make_scan(), make_card(), progress=lambda f, stage: told.append((f, stage)))

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert list(dict.fromkeys(stage for _, stage in told)) == [
        "Preparing the scan",
        "Finding tumors",
    ]


def test_a_run_stops_at_the_next_window() -> None:
    cancel = CancelToken()

    def answer(windows: torch.Tensor) -> torch.Tensor:
        cancel.cancel()
        return by_density(windows)

    backend = PretendBackend(answer)
    with pytest.raises(Cancelled):
        segment(make_scan(), make_card(), backend=backend, cancel=cancel)

    assert backend.n_windows == 1


def test_the_highest_probability_of_an_organ_is_known() -> None:
    scan, card = make_scan(), make_card()

    raw = segment(scan, card)

    for key in ("liver", "kidney"):
        top = float(raw.probabilities[key].array.max())
        assert raw.highest[key] == pytest.approx(top, abs=1e-3)
