import numpy as np
import pytest

from atlastumor.phantom.canvas import Canvas
from atlastumor.phantom.shapes import balls, curve, ellipsoid, tube


@pytest.fixture
def a_straight_canvas() -> Canvas:
    """100 x 100 x 100 mm in 1 x 2 x 2.5 mm voxels around the origin, not bent."""
    spacing = (1.0, 2.0, 2.5)
    first = tuple(-50 + s / 2 for s in spacing)
    return Canvas(np.random.default_rng(0), (100, 50, 40), spacing, first, (1.0, 1.0, 1.0), 0.0)


def volume_ml(canvas: Canvas) -> float:
    return float((canvas.tissues > 0).sum() * np.prod(canvas.spacing_mm) / 1000)


def test_an_ellipsoid_has_its_volume(a_straight_canvas: Canvas) -> None:
    region = ellipsoid(a_straight_canvas, (3, -2, 1), (30, 20, 15), (10, 20, 30))

    a_straight_canvas.paint(region, 1)

    assert volume_ml(a_straight_canvas) == pytest.approx(4 / 3 * np.pi * 9.0, rel=0.02)


def test_a_straight_tube_is_a_cylinder_with_round_ends(a_straight_canvas: Canvas) -> None:
    region = tube(a_straight_canvas, [[-20, 0, 0], [20, 0, 0]], [10, 10])

    a_straight_canvas.paint(region, 1)

    expected = (np.pi * 100 * 40 + 4 / 3 * np.pi * 1000) / 1000
    assert volume_ml(a_straight_canvas) == pytest.approx(expected, rel=0.03)


def test_the_wall_of_a_ball_is_as_thick_as_asked(a_straight_canvas: Canvas) -> None:
    region = balls(a_straight_canvas, [[0, 0, 0]], [24])

    a_straight_canvas.paint(region, 1)
    a_straight_canvas.paint(region, 0, depth_mm=6)

    expected = 4 / 3 * np.pi * (24**3 - 18**3) / 1000
    assert volume_ml(a_straight_canvas) == pytest.approx(expected, rel=0.03)


def test_paint_keeps_off_tissues_that_it_was_not_given(a_straight_canvas: Canvas) -> None:
    a_straight_canvas.tissues[:50] = 7

    a_straight_canvas.paint(balls(a_straight_canvas, [[0, 0, 0]], [20]), 1, over=(0,))

    assert (a_straight_canvas.tissues[:50] == 7).all()
    assert (a_straight_canvas.tissues[50:] == 1).any()


def test_a_shape_beside_the_canvas_paints_nothing(a_straight_canvas: Canvas) -> None:
    a_straight_canvas.paint(balls(a_straight_canvas, [[500, 0, 0]], [20]), 1)
    a_straight_canvas.paint(ellipsoid(a_straight_canvas, (0, 0, -400), (9, 9, 9)), 1)

    assert not a_straight_canvas.tissues.any()


def test_a_curve_runs_through_its_control_points() -> None:
    control = [[0, 0, 0], [10, 5, 0], [20, 0, 9], [30, -5, 0]]

    points, radii = curve(control, [1, 2, 3, 4], step_mm=0.1)

    away = np.linalg.norm(points[:, None] - np.array(control)[None], axis=2).min(axis=0)
    assert away.max() < 0.1
    assert radii[0] == pytest.approx(1)
    assert radii[-1] == pytest.approx(4)


def test_bent_coordinates_are_found_again() -> None:
    canvas = Canvas(
        np.random.default_rng(3),
        (60, 50, 40),
        (3.0, 4.0, 5.0),
        (-90, -100, -100),
        (0.9, 1.0, 1.1),
        4.0,
    )
    points = np.array([[0.0, 0, 0], [30, 20, -40], [-40, 10, 50]])

    index = canvas.locate(points).round().astype(int)

    found = np.stack([field[tuple(index.T)] for field in canvas.coordinates], axis=1)
    assert np.abs(found - points).max() < 4.0  # within a voxel of up to 5 mm
