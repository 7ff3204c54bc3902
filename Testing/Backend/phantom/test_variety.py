"""Bodies for training differ more than those that models are measured on."""

import numpy as np
import pytest

from atlastumor.phantom import Anatomy, Tissue, TumorOptions, make_anatomy
from atlastumor.phantom.canvas import Canvas
from atlastumor.phantom.shapes import balls
from atlastumor.phantom.variety import Spread, paint_moved, vary_colon

KIDNEYS = (Tissue.KIDNEY_LEFT_CORTEX, Tissue.KIDNEY_RIGHT_CORTEX)
COLON = (Tissue.COLON_WALL, Tissue.COLON_STOOL, Tissue.COLON_GAS, Tissue.COLON_FLUID)


def make_bodies(*, varied: bool) -> list[Anatomy]:
    return [
        make_anatomy(
            seed,
            spacing_mm=5.0,
            tumors=TumorOptions(per_organ_probability=0.0),
            field_of_view="abdomen-pelvis",
            varied=varied,
        )
        for seed in range(12)
    ]


@pytest.fixture(scope="module")
def usual() -> list[Anatomy]:
    return make_bodies(varied=False)


@pytest.fixture(scope="module")
def varied() -> list[Anatomy]:
    return make_bodies(varied=True)


def middle_mm(body: Anatomy, tissues: tuple[Tissue, ...]) -> np.ndarray:
    return body.grid.to_ras(np.argwhere(np.isin(body.tissues, tissues)).mean(axis=0))


def spread_mm(bodies: list[Anatomy], tissues: tuple[Tissue, ...]) -> float:
    return float(np.std([middle_mm(body, tissues)[2] for body in bodies]))


@pytest.mark.parametrize(
    ("tissues", "factor"),
    [((KIDNEYS[0],), 1.4), ((KIDNEYS[1],), 1.4), ((Tissue.STOMACH_WALL,), 1.4)],
)
def test_organs_lie_less_alike(
    usual: list[Anatomy], varied: list[Anatomy], tissues: tuple[Tissue, ...], factor: float
) -> None:
    assert spread_mm(varied, tissues) > factor * spread_mm(usual, tissues)


def test_kidneys_move_by_themselves(varied: list[Anatomy]) -> None:
    left, right = ([middle_mm(body, (side,))[2] for body in varied] for side in KIDNEYS)

    assert abs(np.corrcoef(left, right)[0, 1]) < 0.8


def test_colons_are_less_equally_wide(usual: list[Anatomy], varied: list[Anatomy]) -> None:
    def spread_ml(bodies: list[Anatomy]) -> float:
        return float(np.std([np.isin(b.tissues, COLON).sum() * b.grid.voxel_ml for b in bodies]))

    assert spread_ml(varied) > 1.5 * spread_ml(usual)


def test_organs_that_are_not_moved_stay(usual: list[Anatomy], varied: list[Anatomy]) -> None:
    for one, other in zip(usual, varied, strict=True):
        assert np.array_equal(
            one.tissues == Tissue.CORTICAL_BONE, other.tissues == Tissue.CORTICAL_BONE
        )


def test_every_organ_is_still_there(varied: list[Anatomy]) -> None:
    for body in varied:
        for tissues in (KIDNEYS, (Tissue.PANCREAS,), COLON, (Tissue.LIVER,)):
            n = np.isin(body.tissues, tissues).sum()
            assert n * body.grid.voxel_ml > 25, tissues


def test_a_canvas_lies_again_where_it_did_even_after_an_error() -> None:
    canvas = Canvas(np.random.default_rng(1), (20, 20, 20), (2.0,) * 3, (-20.0,) * 3, (1.0,) * 3, 0)

    def paint(_: np.random.Generator) -> None:
        canvas.paint(balls(canvas, [[0.0, 0.0, 0.0]], [5.0]), Tissue.LIVER)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        paint_moved(np.random.default_rng(2), canvas, Spread((6.0, 6.0, 6.0)), paint)

    found = canvas.first_mm + 2.0 * np.argwhere(canvas.tissues == Tissue.LIVER).mean(axis=0)
    expected = np.random.default_rng(2).normal(0.0, (6.0, 6.0, 6.0))
    assert found == pytest.approx(expected, abs=0.7)
    assert canvas.at((slice(10, 11),) * 3)[0].item() == pytest.approx(0.0)


def test_what_is_moved_is_turned_and_scaled_about_its_point() -> None:
    canvas = Canvas(np.random.default_rng(1), (60, 60, 60), (1.0,) * 3, (-30.0,) * 3, (1.0,) * 3, 0)
    about, lower, upper = (5.0, -4.0, 2.0), (5.0, -4.0, 2.0), (15.0, -4.0, 2.0)

    with canvas.moved((2.0, 0.0, 0.0), about=about, turn_deg=(0.0, 0.0, 30.0), scale=1.5):
        canvas.paint(balls(canvas, [lower], [3.0]), Tissue.LIVER)
        canvas.paint(balls(canvas, [upper], [3.0]), Tissue.SPLEEN)

    def middle(tissue: Tissue) -> np.ndarray:
        return canvas.first_mm + np.argwhere(canvas.tissues == tissue).mean(axis=0)

    assert middle(Tissue.LIVER) == pytest.approx([7.0, -4.0, 2.0], abs=0.4)
    assert middle(Tissue.SPLEEN) == pytest.approx([19.99, 3.5, 2.0], abs=0.4)
    assert (canvas.tissues == Tissue.LIVER).sum() == pytest.approx(4 / 3 * np.pi * 4.5**3, rel=0.1)


def test_courses_hang_loop_and_widen_but_end_where_they_ended() -> None:
    path, radii = np.zeros((21, 3)), np.full(21, 15.0)
    made = [vary_colon(np.random.default_rng(seed), path, radii) for seed in range(200)]
    lowest = np.array([one[6, 2] for one, _ in made])

    assert 0.35 < (lowest < -20).mean() < 0.65
    assert lowest.min() > -131
    assert 0.3 < np.mean([one[14, 2] > 15 for one, _ in made]) < 0.6
    assert 0.3 < np.mean([(wide[:18] > 16).any() for _, wide in made]) < 0.6
    assert all((one[18:] == 0).all() and (wide[18:] == 15).all() for one, wide in made)
    assert not path.any()
    assert (radii == 15).all()
