"""What fills hollow organs varies; tumors and the organs they lie in do not."""

import numpy as np
import pytest

from atlastumor.phantom.tissues import ORGAN_TISSUES, TUMOR_TISSUES, Tissue, sample_hu
from atlastumor.training.contents import foam_stool, vary_contents

N = 400
LEFT, RIGHT = Tissue.KIDNEY_LEFT_MEDULLA, Tissue.KIDNEY_RIGHT_MEDULLA


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Densities before and after, (N, 256) each."""
    rng = np.random.default_rng(4)
    before, after = np.zeros((N, 256)), np.zeros((N, 256))
    for n in range(N):
        mean, texture = sample_hu(rng, phase="portal")
        before[n] = mean
        after[n] = vary_contents(mean, texture, rng)[0]
        assert np.array_equal(mean, before[n])  # what came in stays
    return before, after


def test_a_share_of_the_patches_stays_as_the_phantoms_are(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    before, after = drawn
    assert 0.4 < (before != after).any(axis=1).mean() < 0.65


def test_tumors_and_the_walls_they_grow_from_stay(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    before, after = drawn
    kept = [tissue for one in TUMOR_TISSUES.values() for tissue in one.all]
    kept += [tissues[0] for tissues in ORGAN_TISSUES.values()]
    assert np.array_equal(before[:, kept], after[:, kept])


def test_loops_of_bowel_are_sometimes_as_dense_as_their_walls(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    before, after = drawn
    far_before, far_after = (
        np.abs(hu[:, Tissue.BOWEL_CONTENTS] - hu[:, Tissue.BOWEL_WALL]) for hu in (before, after)
    )
    assert (far_before < 11).mean() < 0.02
    assert 0.12 < (far_after < 11).mean() < 0.3


def test_a_colon_is_sometimes_full_where_it_held_gas(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    before, after = drawn
    assert before[:, Tissue.COLON_GAS].max() < -800
    assert 0.06 < (after[:, Tissue.COLON_GAS] > 0).mean() < 0.18


def test_stool_is_sometimes_mottled_with_gas(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    before, after = drawn
    assert (before[:, Tissue.COLON_STOOL] < -100).mean() < 0.02
    assert 0.04 < (after[:, Tissue.COLON_STOOL] < -100).mean() < 0.15


def test_both_kidneys_stay_alike_and_their_medulla_no_denser_than_the_cortex(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    before, after = drawn
    changed = before[:, LEFT] != after[:, LEFT]
    assert 0.06 < changed.mean() < 0.25
    assert np.array_equal(after[:, LEFT], after[:, RIGHT])
    assert (after[changed, LEFT] <= after[changed, Tissue.KIDNEY_LEFT_CORTEX]).all()


@pytest.fixture(scope="module")
def colon() -> np.ndarray:
    """Stool of 30 x 30 x 60 mm in a wall."""
    tissues = np.full((30, 30, 50), Tissue.VISCERAL_FAT, np.uint8)
    tissues[3:27, 3:27, 3:47] = Tissue.COLON_WALL
    tissues[5:25, 5:25, 5:45] = Tissue.COLON_STOOL
    return tissues


def test_the_stool_of_some_colons_foams(colon: np.ndarray) -> None:
    before = colon.copy()
    foamed = [foam_stool(colon, 1.5, np.random.default_rng(seed)) for seed in range(100)]
    shares = np.array([(one == Tissue.COLON_GAS).sum() for one in foamed]) / (20 * 20 * 40)

    assert np.array_equal(colon, before)
    assert 0.45 < (shares > 0).mean() < 0.75
    assert shares[shares > 0].min() > 0.02
    assert 0.35 < shares.max() < 0.6
    for one in foamed:
        assert (colon[one != colon] == Tissue.COLON_STOOL).all()


def test_what_holds_no_stool_does_not_foam() -> None:
    tissues = np.full((8, 8, 8), Tissue.COLON_FLUID, np.uint8)
    assert all(
        foam_stool(tissues, 1.5, np.random.default_rng(seed)) is tissues for seed in range(9)
    )
