"""Drawn outlines: kept whole, found again, never on a wrong grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlastumor.errors import GridMismatchError, InputError
from atlastumor.review import load_outline, make_ball, make_outline, save_outline
from atlastumor.volume import Grid
from Backend.damaged_archives import garble_streams

GRID = Grid((20, 16, 10), np.diag([1.0, 1.5, 3.0, 1.0]))


@pytest.fixture
def a_mask() -> np.ndarray:
    """Thirteen voxels of no simple shape."""
    mask = np.zeros(GRID.shape, bool)
    mask[3:5, 4:7, 5:7] = True
    mask[9, 9, 9] = True
    return mask


def test_an_outline_comes_back_as_it_was(tmp_path: Path, a_mask: np.ndarray) -> None:
    name = save_outline(tmp_path, make_outline(a_mask, GRID))

    outline = load_outline(tmp_path, name, GRID)

    again = np.zeros(GRID.shape, bool)
    again[outline.box] = outline.mask
    assert (again == a_mask).all()
    assert outline.volume_ml == pytest.approx(13 * 4.5 / 1000)


def test_an_erased_outline_is_empty_and_comes_back_so(tmp_path: Path) -> None:
    name = save_outline(tmp_path, make_outline(np.zeros(GRID.shape, bool), GRID))

    assert load_outline(tmp_path, name, GRID).volume_ml == 0.0


def test_the_same_voxels_are_the_same_file_and_others_another(
    tmp_path: Path, a_mask: np.ndarray
) -> None:
    one = save_outline(tmp_path, make_outline(a_mask, GRID))
    a_mask[0, 0, 0] = True

    assert save_outline(tmp_path, make_outline(a_mask, GRID)) != one
    a_mask[0, 0, 0] = False
    assert save_outline(tmp_path, make_outline(a_mask, GRID)) == one
    assert len(list((tmp_path / "outlines").iterdir())) == 2


def test_another_grid_is_refused(tmp_path: Path, a_mask: np.ndarray) -> None:
    name = save_outline(tmp_path, make_outline(a_mask, GRID))
    moved = Grid(GRID.shape, GRID.affine + np.eye(4, k=3))

    with pytest.raises(GridMismatchError):
        load_outline(tmp_path, name, moved)
    with pytest.raises(GridMismatchError, match="has shape"):
        make_outline(a_mask[1:], GRID)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 not really", b"\x80\x04N."])
def test_a_damaged_file_is_refused_and_never_unpickled(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "outlines").mkdir()
    (tmp_path / "outlines" / "a.npz").write_bytes(content)

    with pytest.raises(InputError, match="missing or damaged"):
        load_outline(tmp_path, "outlines/a.npz", GRID)


def test_a_name_cannot_leave_the_folder(tmp_path: Path, a_mask: np.ndarray) -> None:
    name = save_outline(tmp_path / "other", make_outline(a_mask, GRID))

    with pytest.raises(InputError):
        load_outline(tmp_path / "mine", f"../../other/{name}", GRID)


def test_a_ball_is_measured_in_millimeters() -> None:
    ball = make_ball((10, 8, 5), GRID, diameter_mm=6.0)

    # Half-axes of 3 mm: +-3 voxels along i, +-2 along j, +-1 along k.
    assert ball.mask.shape == (7, 5, 3)
    assert ball.mask[:, 2, 1].all()
    assert ball.mask[3, :, 1].all()
    assert ball.mask[3, 2, :].all()
    assert not ball.mask[0, 0, 0]
    assert ball.box[0] == slice(7, 14)


def test_a_ball_at_the_edge_is_cut_and_one_outside_refused() -> None:
    assert make_ball((0, 0, 0), GRID, diameter_mm=6.0).mask[0, 0, 0]
    assert make_ball((5, 5, 5), GRID, diameter_mm=0.1).mask.sum() == 1
    with pytest.raises(InputError, match="outside the scan"):
        make_ball((20, 0, 0), GRID, diameter_mm=6.0)


def test_an_outline_whose_voxels_cannot_be_unpacked_is_refused(
    tmp_path: Path, a_mask: np.ndarray
) -> None:
    name = save_outline(tmp_path, make_outline(a_mask, GRID))
    garble_streams(tmp_path / name)

    with pytest.raises(InputError, match="missing or damaged"):
        load_outline(tmp_path, name, GRID)
