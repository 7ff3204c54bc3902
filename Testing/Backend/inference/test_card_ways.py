from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from atlastumor.inference.orientation import find_orientation, orient
from atlastumor.inference.preprocess import preprocess
from atlastumor.models.specs import OutputSpec
from atlastumor.volume import Grid, Scan

from .pretend import (
    LIVER_AND_KIDNEY,
    PretendBackend,
    by_density,
    make_card,
    make_scan,
    segment,
    turn,
)


@pytest.mark.parametrize("restore", ["probabilities", "labels"])
def test_labels_come_back_as_monai_brings_them_back(restore: str) -> None:
    from monai.data import MetaTensor
    from monai.transforms import Compose, Orientation, Spacing
    from monai.transforms.utils import convert_applied_interp_mode

    scan, card = make_scan(), make_card(spacing_mm=(3.3, 2.1, 4.9))
    card = replace(
        card,
        input=replace(card.input, orientation="LPS", resample="monai"),
        inference=replace(card.inference, windows="stepped", blend="constant", restore=restore),
    )
    sides = (("L", "R"), ("P", "A"), ("I", "S"))
    way = Compose([Orientation("LPS", labels=sides), Spacing((3.3, 2.1, 4.9), mode="bilinear")])
    image = way(MetaTensor(scan.array.astype(np.float32)[None], np.array(scan.grid.affine)))
    values = torch.softmax(by_density((image.as_tensor()[None] + 1000) / 2000)[0], dim=0)
    steps = image.applied_operations
    if restore == "labels":
        values = values.argmax(dim=0, keepdim=True).float()
        steps = convert_applied_interp_mode(steps, mode="nearest", align_corners=None)
    back = way.inverse(MetaTensor(values, image.affine, applied_operations=steps))
    winner = back.argmax(dim=0) if restore == "probabilities" else back[0].round()
    expected = np.array([0, 5, 27, 3, 29], np.uint8)[winner.numpy().astype(int)]

    found = segment(scan, card).labels

    assert len(np.unique(expected)) == 5
    assert (found != expected).mean() < 2e-4


def test_zeros_around_a_scan_are_left_out_and_their_labels_are_0() -> None:
    inner, card = make_scan(), make_card()
    card = replace(card, input=replace(card.input, orientation="LPI", crop_zeros=True))
    array = np.pad(inner.array, ((3, 1), (0, 2), (4, 0)))
    affine = inner.grid.affine.copy()
    affine[:3, 3] -= np.array([3, 0, 4]) * inner.grid.spacing_mm

    found = segment(Scan(array, Grid(array.shape, affine)), card).labels

    expected = np.pad(segment(inner, card).labels, ((3, 1), (0, 2), (4, 0)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("codes", ["RAS", "PSL"])
def test_probabilities_at_the_scans_voxels_are_of_interpolated_logits(codes: str) -> None:
    scan, card = turn(make_scan(), codes), make_card(spacing_mm=(4.0, 2.0, 5.0))
    card = replace(card, input=replace(card.input, resample_order=3))

    found = segment(scan, card, fine=True)

    image = torch.from_numpy(preprocess(scan, card.input).array.numpy())[None, None]
    logits = by_density(image)
    size = orient(scan.array, find_orientation(scan.grid, "RAS")).shape
    at_voxels = torch.nn.functional.interpolate(logits, size, mode="trilinear")[0]
    tumor = torch.softmax(at_voxels, dim=0)[2].numpy()
    fine = found.fine["liver"].to_grid(scan.grid)
    np.testing.assert_allclose(
        orient(fine, find_orientation(scan.grid, "RAS")), tumor, atol=2e-3, rtol=0
    )
    assert (fine > 0.5).any()
    assert (found.labels[fine > 0.502] == 27).all()
    assert set(found.fine) == {"liver", "kidney"}


def test_probabilities_outside_of_what_was_looked_at_are_0() -> None:
    inner, card = make_scan(), make_card()
    card = replace(card, input=replace(card.input, crop_zeros=True))
    padded = np.pad(inner.array, ((3, 1), (0, 2), (4, 0)))

    found = segment(Scan(padded, Grid(padded.shape, inner.grid.affine)), card, fine=True)

    expected = segment(inner, card, fine=True).fine["liver"].array
    np.testing.assert_array_equal(
        found.fine["liver"].array, np.pad(expected, ((3, 1), (0, 2), (4, 0)))
    )


def test_channels_nobody_asked_for_leave_no_label() -> None:
    scan = make_scan()
    other = (*LIVER_AND_KIDNEY[:2], OutputSpec(2, "other"), *LIVER_AND_KIDNEY[3:])

    found = segment(scan, make_card(outputs=other)).labels

    with_tumor = segment(scan, make_card()).labels
    assert (with_tumor == 27).any()
    np.testing.assert_array_equal(found, np.where(with_tumor == 27, 0, with_tumor))


def test_windows_of_air_are_looked_at_if_the_card_says_so() -> None:
    scan = Scan(np.full((40, 20, 20), -1000, np.int16), Grid((40, 20, 20), np.eye(4) * 3))
    card = make_card()
    card = replace(card, inference=replace(card.inference, skip_air=False))
    backend = PretendBackend(by_density)

    found = segment(scan, card, backend=backend)

    assert found.windows_skipped == 0
    assert found.windows_run == backend.n_windows > 0


@pytest.mark.parametrize(("padding", "seen"), [(None, 0.0), (-5.0, -5.0)])
def test_the_card_says_what_is_around_a_small_scan(padding: float | None, seen: float) -> None:
    card = make_card()
    card = replace(card, inference=replace(card.inference, padding=padding))
    corners: list[float] = []

    def look(windows: torch.Tensor) -> torch.Tensor:
        corners.append(float(windows[0, 0, 0, 0, 0]))
        return by_density(windows)

    segment(make_scan((8, 6, 8)), card, backend=PretendBackend(look))

    assert corners == [seen]
