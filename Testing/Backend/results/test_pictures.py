from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from atlastumor.organs import find_organ, label_names
from atlastumor.results.pictures import draw_overview, draw_slice, find_best_point
from atlastumor.results.report import write_overview
from atlastumor.results.views import PLANES, find_body, make_upright
from atlastumor.volume import Grid, LabelMap, Scan

LIVER = find_organ("liver")
# Every way to store one patient: axes in any order and direction.
ORIENTATIONS = ["RAS", "LPS", "LAS", "ASR", "SPL", "IRA", "PLI"]


def stored_as(code: str, shape=(40, 30, 12), spacing=(2.0, 3.0, 5.0)) -> tuple[Scan, LabelMap]:
    """A body with a tumor on the patient's right, in front, at the top; stored as `code` says."""
    hu = np.full(shape, -1000, np.int16)
    hu[4:-4, 4:-4] = 40
    labels = np.zeros(shape, np.uint8)
    labels[24:34, 18:24, 8:11] = LIVER.tumor_label
    affine = np.diag([*spacing, 1.0])
    axes = ["LPI".find(c) if c in "LPI" else "RAS".find(c) for c in code]
    for world in range(3):
        if code[axes.index(world)] in "LPI":
            affine[:, 3] += affine[:, world] * (shape[world] - 1)
            affine[:, world] *= -1
            hu, labels = np.flip(hu, world), np.flip(labels, world)
    affine = affine[:, [*axes, 3]]
    hu, labels = (np.ascontiguousarray(array.transpose(axes)) for array in (hu, labels))
    grid = Grid(hu.shape, affine)
    assert grid.axcodes == code
    return Scan(hu, grid), LabelMap(labels, grid, label_names())


def yellow_in(image: Image.Image) -> tuple[float, float]:
    """Center of what has the tumor's color, as fractions of width and height."""
    pixels = np.asarray(image).astype(int)
    rows, columns = np.nonzero(np.abs(pixels - LIVER.tumor_color).sum(axis=2) < 30)
    return columns.mean() / image.width, rows.mean() / image.height


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_right_is_on_the_left_and_front_or_head_on_top(code):
    scan, labels = stored_as(code)
    point = find_best_point(labels, ())

    for plane in ("axial", "coronal"):
        across, down = yellow_in(draw_slice(scan, labels, point, plane=plane))

        assert across == pytest.approx(1 - 29 / 40, abs=0.06)
        assert down < 0.45
    across, down = yellow_in(draw_slice(scan, labels, point, plane="sagittal"))
    assert across < 0.45, "the front is on the left"
    assert down < 0.45


def test_every_orientation_gives_the_same_picture():
    pictures = []
    for code in ORIENTATIONS:
        scan, labels = stored_as(code)
        pictures.append(np.asarray(draw_slice(scan, labels, find_best_point(labels, ()))))

    assert all((picture == pictures[0]).all() for picture in pictures)


def test_pixels_are_square_in_millimetres():
    scan, labels = stored_as("RAS")
    body = find_body(scan)
    height_mm = (body[2].stop - body[2].start) * 5.0
    width_mm = (body[0].stop - body[0].start) * 2.0

    picture = draw_slice(scan, labels, (40.0, 45.0, 40.0), plane="coronal", width=300)

    assert picture.width == 300
    assert picture.height == pytest.approx(300 * height_mm / width_mm, abs=1)


def test_a_tumor_of_one_voxel_is_seen():
    scan, labels = stored_as("LPS")
    array = np.zeros_like(labels.array)
    array[20, 15, 6] = LIVER.tumor_label
    tiny = LabelMap(array, labels.grid, label_names())

    picture = draw_slice(scan, tiny, tuple(labels.grid.to_ras((20, 15, 6))), width=200)

    yellow_in(picture)
    assert np.isfinite(yellow_in(picture)).all()


def test_a_close_up_shows_what_was_asked_for():
    scan, labels = stored_as("RAS")

    picture = draw_slice(scan, labels, (58.0, 62.0, 45.0), width=200, extent_mm=24.0)

    pixels = np.asarray(picture).astype(int)
    tinted = pixels[60:140, 60:140]
    assert picture.size[0] == 200
    assert (tinted[..., 0] > tinted[..., 2] + 20).mean() > 0.9, "tumor fills the middle"


def test_the_overview_shows_organs_and_tumors(a_scan, a_segmentation):
    picture = draw_overview(a_scan, a_segmentation.labels, lesions=a_segmentation.lesions)

    colors = {tuple(int(x) for x in color) for color in np.asarray(picture).reshape(-1, 3)}
    kidney = find_organ("kidney")
    for color in (LIVER.color, LIVER.tumor_color, kidney.color, kidney.tumor_color):
        assert color in colors


def test_the_overview_of_nothing_is_a_picture_too(a_scan, a_clean_segmentation):
    assert draw_overview(a_scan, a_clean_segmentation.labels).width > 300


def test_a_volume_of_air_alone_is_drawn_whole():
    grid = Grid((5, 6, 7), np.diag([1.0, 1, 5, 1]))
    scan = Scan(np.full(grid.shape, -1000, np.int16), grid)

    assert find_body(scan) == (slice(0, 5), slice(0, 6), slice(0, 7))


def test_the_couch_is_not_the_body():
    hu = np.full((100, 90, 10), -1000, np.int16)
    hu[30:70, 40:70] = 40
    hu[:, 5:8] = 100  # a couch behind the patient
    scan = Scan(hu, Grid(hu.shape, np.diag([1.0, 1, 5, 1])))

    r, a, _ = find_body(scan)

    assert (r, a) == (slice(28, 72), slice(38, 72))


def test_an_upright_view_copies_nothing_and_finds_voxels():
    scan, _ = stored_as("SPL")

    upright = make_upright(scan.array, scan.grid)

    assert np.shares_memory(upright.array, scan.array)
    assert upright.spacing_mm == (2.0, 3.0, 5.0)
    for voxel in ((0, 0, 0), (3, 7, 11), (11, 29, 39)):
        assert upright.array[upright.locate(voxel)] == scan.array[voxel]
        ras = scan.grid.to_ras(voxel)
        assert upright.locate(voxel) == tuple(np.rint(ras / (2.0, 3.0, 5.0)).astype(int))


def test_planes_name_their_edges():
    assert {name: plane.edges for name, plane in PLANES.items()} == {
        "axial": "RLAP",
        "coronal": "RLSI",
        "sagittal": "APSI",
    }


def test_the_picture_file_carries_provenance(tmp_path, a_segmentation, a_scan):
    write_overview(tmp_path / "overview.png", a_segmentation, a_scan)

    with Image.open(tmp_path / "overview.png") as picture:
        record = json.loads(picture.text["AtlasTumor.Provenance"])
    assert record["model_id"] == "some-model"
