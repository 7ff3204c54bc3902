"""Tree and lesions come back from a file as they went."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlastumor.detection.reference import find_reference_lesions
from atlastumor.detection.tree import CandidateTree
from atlastumor.detection.view_files import load_view, save_view
from atlastumor.errors import InputError

SPACING_MM = (1.5, 1.0, 2.0)


def make_map(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((17, 13, 11)).astype(np.float32) ** 4


def make_mask() -> np.ndarray:
    mask = np.zeros((17, 13, 11), bool)
    mask[2:6, 3:8, 1:4] = mask[10:14, 2:5, 6:9] = True
    mask[16, 12, 10] = True  # 3 mm3: a crumb
    return mask


def test_candidates_are_the_same_at_every_threshold(tmp_path: Path) -> None:
    tree = CandidateTree.of(make_map(), SPACING_MM, floor=0.05)
    lesions = find_reference_lesions(make_mask(), spacing_mm=SPACING_MM)
    save_view(tmp_path / "view.npz", tree, lesions)

    again, _lesions = load_view(tmp_path / "view.npz")

    for theta in (0.05, 0.1, 0.3, 0.5, 0.9):
        old = tree.candidates(theta, min_volume_mm3=3.0)
        new = again.candidates(theta, min_volume_mm3=3.0)
        assert new.candidates == old.candidates
        assert new.box == old.box
        assert (new.labels == old.labels).all()
    with pytest.raises(InputError, match="below the floor"):
        again.candidates(0.04)


def test_lesions_and_crumbs_are_the_same(tmp_path: Path) -> None:
    lesions = find_reference_lesions(make_mask(), spacing_mm=SPACING_MM)
    tree = CandidateTree.of(make_map(), SPACING_MM)
    save_view(tmp_path / "view.npz", tree, lesions)

    _tree, again = load_view(tmp_path / "view.npz")

    assert (len(again.lesions), len(again.crumbs)) == (2, 1)
    for name in ("lesions", "crumbs", "offset", "shape", "spacing_mm", "n_ignored"):
        assert getattr(again, name) == getattr(lesions, name)
    assert (again.parts == lesions.parts).all()


def test_a_map_without_candidates_and_a_reference_without_lesions_come_back(
    tmp_path: Path,
) -> None:
    nothing = np.zeros((4, 5, 6))
    tree = CandidateTree.of(nothing, SPACING_MM)
    save_view(
        tmp_path / "view.npz",
        tree,
        find_reference_lesions(nothing.astype(bool), spacing_mm=SPACING_MM),
    )

    again, lesions = load_view(tmp_path / "view.npz")

    assert again.candidates(0.5).candidates == ()
    assert lesions.lesions == ()
    assert lesions.shape == (4, 5, 6)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"text"])
def test_another_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "view.npz"
    path.write_bytes(content)

    with pytest.raises(InputError, match="holds no case that this version can show"):
        load_view(path)
