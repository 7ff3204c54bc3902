"""What a user paints, carried from its own grid to a scan's."""

from __future__ import annotations

import numpy as np
import pytest

from atlastumor.errors import InputError
from atlastumor.synthesis.painting import Painting
from atlastumor.synthesis.request import PAINTED, TumorRequest
from atlastumor.volume import Grid
from Backend.synthesis.made_case import make_grid, turn_by

FINE = Grid((60, 60, 60), np.diag([1.0, 1.0, 1.0, 1.0]))
MIDDLE = np.array([30.0, 28.0, 31.0])


def whole(grid: Grid) -> tuple[slice, slice, slice]:
    i, j, k = (slice(0, n) for n in grid.shape)
    return i, j, k


def paint_ball(grid: Grid, middle: np.ndarray, radius_mm: float) -> Painting:
    ras = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))
    return Painting(np.linalg.norm(ras - middle, axis=-1) <= radius_mm, grid)


def test_it_is_measured_in_mm_on_any_grid() -> None:
    for turn in (np.eye(3), turn_by(30.0)):
        ball = paint_ball(make_grid((3.0, 2.5, 3.5), turn), np.array([20.0, -10.0, 5.0]), 12.0)

        assert ball.diameter_mm == pytest.approx(24.0, rel=0.03)
        assert ball.middle_ras == pytest.approx((20.0, -10.0, 5.0), abs=0.5)
        assert ball.reach_mm == pytest.approx(12.0, abs=1.5)
        assert ball.n_parts == 1


def test_on_its_own_grid_it_is_drawn_voxel_by_voxel_as_it_was_painted() -> None:
    rng = np.random.default_rng(1)
    mask = np.zeros(FINE.shape, bool)
    mask[20:30, 20:26, 20:29] = rng.random((10, 6, 9)) < 0.7
    painting = Painting(mask, FINE)

    drawn = painting.draw(
        FINE, whole(FINE), int(mask.sum()), middle_ras=painting.middle_ras, scale=1.0
    )

    assert np.array_equal(drawn, mask)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_it_is_moved_and_scaled_about_its_middle_onto_another_grid(scale: float) -> None:
    ball = paint_ball(FINE, MIDDLE, 10.0)
    grid, there = make_grid((2.3, 2.0, 2.9), turn_by(20.0)), np.array([-12.0, 7.0, 3.0])
    n = round(ball.volume_mm3 * scale**3 / (grid.voxel_ml * 1000))

    drawn = ball.draw(grid, whole(grid), n, middle_ras=there, scale=scale)

    away = np.linalg.norm(grid.to_ras(np.argwhere(drawn)) - there, axis=1)
    assert drawn.sum() == n
    assert away.max() < 10.0 * scale + 1.5
    assert np.linalg.norm(grid.to_ras(np.argwhere(drawn)).mean(axis=0) - there) < 0.7


def test_what_lies_beyond_the_box_is_cut_off_and_not_made_up_for() -> None:
    ball = paint_ball(FINE, MIDDLE, 10.0)
    half = (slice(0, 30), slice(0, 60), slice(0, 60))
    n = int(ball.mask.sum())

    drawn = ball.draw(FINE, half, n, middle_ras=MIDDLE, scale=1.0)

    assert np.array_equal(drawn, ball.mask[:30])


@pytest.mark.parametrize("turn", [np.eye(3), turn_by(35.0), np.diag([-1.0, -1.0, 1.0])])
def test_the_voxels_that_it_covers_are_those_whose_centers_lie_in_it(turn: np.ndarray) -> None:
    ball = paint_ball(FINE, MIDDLE, 12.0)
    grid = make_grid((4.0, 3.0, 5.0), turn)
    ras = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))
    away = np.linalg.norm(ras - MIDDLE, axis=-1)

    covered = ball.covers(grid, whole(grid))

    assert covered[away < 11.0].all()
    assert not covered[away > 13.0].any()
    box = (slice(10, 45), slice(3, 50), slice(5, 25))
    assert np.array_equal(ball.covers(grid, box), covered[box])


def test_where_grids_do_not_meet_nothing_is_covered() -> None:
    far = Grid((5, 5, 5), np.diag([1.0, 1.0, 1.0, 1.0]) + 500.0 * np.eye(4, k=3))

    assert not paint_ball(FINE, MIDDLE, 12.0).covers(far, whole(far)).any()


def test_an_empty_mask_and_one_of_another_grid_are_refused() -> None:
    with pytest.raises(InputError, match="nothing is painted"):
        Painting(np.zeros(FINE.shape, bool), FINE)
    with pytest.raises(InputError, match="its grid"):
        Painting(np.ones((2, 2, 2), bool), FINE)


def test_requests_say_which_painting_they_mean_and_refuse_half_of_one() -> None:
    ball = paint_ball(FINE, MIDDLE, 10.0)
    request = TumorRequest("liver", ball.diameter_mm, 0, shape=PAINTED, painting=ball)

    record = request.record()

    assert len(record["painting"]["sha256"]) == 64
    assert record["painting"]["volume_ml"] == pytest.approx(4.19, abs=0.1)
    other = paint_ball(FINE, MIDDLE, 9.0)
    assert other.record()["sha256"] != record["painting"]["sha256"]
    with pytest.raises(InputError, match="no mask was given"):
        TumorRequest("liver", 10.0, 0, shape=PAINTED)
    with pytest.raises(InputError, match="both a place and a mask"):
        TumorRequest("liver", 10.0, 0, painting=ball, center_ras=(0.0, 0.0, 0.0))
    with pytest.raises(InputError, match=r"outside the organ is 0.95"):
        TumorRequest("liver", 10.0, 0, max_outside=0.95)
