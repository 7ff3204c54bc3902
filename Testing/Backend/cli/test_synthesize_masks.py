"""`atlastumor synthesize` with masks: painted shapes, places, and the share outside the organ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from ..synthesis.made_case import CENTERS_RAS
from .synthesize_case import CENTER, run, words_of, write_case


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan and its labels."""
    return write_case(tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mask in the pancreas, on a grid of its own."""
    affine, path = np.diag([2.0, 2.0, 2.0, 1.0]), tmp_path_factory.mktemp("mask") / "mask.nii.gz"
    affine[:3, 3] = np.array(CENTERS_RAS["pancreas"]) - 20.0
    away = (np.indices((21, 21, 21)).T - 10.0) * 2.0
    mask = (((away / (11.0, 6.0, 7.0)) ** 2).sum(axis=-1) <= 1).T
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), affine), path)
    return path


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return record


def test_a_painted_shape_is_taken_where_it_was_painted_and_as_large(
    files: tuple[Path, Path], painted: Path, tmp_path: Path
) -> None:
    words = (files[0], "--labels", files[1], "--organ", "pancreas", "--shape-file", painted)

    assert run(*words, "-o", tmp_path / "a") == 0
    assert run(*words, "--at", "-24,5,-20", "--diameter-mm", 12, "-o", tmp_path / "b") == 0

    there, moved = record_of(tmp_path / "a"), record_of(tmp_path / "b")
    assert there["request"]["shape"] == "painted"
    assert len(there["request"]["painting"]["sha256"]) == 64
    assert there["diameter_mm"]["got"] == pytest.approx(15.4, abs=0.5)
    assert np.allclose(there["lesion"]["centroid_ras"], CENTERS_RAS["pancreas"], atol=1.5)
    assert moved["diameter_mm"]["got"] == pytest.approx(12.0, rel=0.1)
    assert np.allclose(moved["lesion"]["centroid_ras"], (-24.0, 5.0, -20.0), atol=1.5)
    assert moved["off_center_mm"] < 2.0


def test_a_place_is_drawn_inside_a_mask(
    files: tuple[Path, Path], painted: Path, tmp_path: Path
) -> None:
    assert run(*words_of(files, "--within", painted, "-o", tmp_path / "out")) == 0

    away = np.array(record_of(tmp_path / "out")["center_ras"]) - CENTERS_RAS["pancreas"]
    assert ((away / (13.0, 8.0, 9.0)) ** 2).sum() <= 1  # the ellipsoid and half a voxel


def test_the_share_outside_the_organ_is_bounded_and_recorded(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ("--diameter-mm", 28, "--exophytic", "--max-outside", 0.1, "--at", CENTER)

    assert run(*words_of(files, *words, "-o", tmp_path / "out")) == 0

    outside = record_of(tmp_path / "out")["outside_organ"]
    assert outside["most"] == 0.1
    assert 0.0 < outside["got"] <= 0.1
    assert outside["margin_mm"] == 7.0


def test_masks_that_cannot_be_used_are_refused_in_one_line(
    files: tuple[Path, Path],
    painted: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image = nibabel.load(painted)
    mask = np.asarray(image.dataobj)
    empty, coded = tmp_path / "empty.nii.gz", tmp_path / "coded.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros_like(mask), image.affine), empty)
    nibabel.save(nibabel.Nifti1Image(mask * 3 + np.eye(21, dtype=np.uint8), image.affine), coded)
    bare = (files[0], "--labels", files[1], "--organ", "pancreas")
    cases = [
        (2, (*bare,), "Give --diameter-mm"),
        (2, (*bare, "--within", painted), "Give --diameter-mm"),
        (2, words_of(files, "--within", painted, "--at", CENTER), "leave out --at"),
        (2, words_of(files, "--within", painted, "--shape-file", painted), "leave out --at"),
        (2, words_of(files, "--shape", "automaton", "--shape-file", painted), "not allowed"),
        (3, (*bare, "--shape-file", empty), "nothing is painted"),
        (3, (*bare, "--shape-file", coded), "a mask holds 0 and 1 only"),
        (3, (*bare, "--shape-file", "missing.nii.gz"), "missing.nii.gz"),
        (3, (*bare, "--shape-file", painted, "--organ", "kidney"), "only 0% of it"),
        (3, (*bare, "--shape-file", painted, "--at", "0,0,900"), "outside the scan"),
        (3, words_of(files, "--within", painted, "--organ", "liver"), "nothing of the liver"),
        (3, words_of(files, "--max-outside", 1.5), "share outside the organ is 1.5"),
    ]
    for code, words, text in cases:
        assert run(*words, "-o", tmp_path / "out") == code
        said = capsys.readouterr()
        assert text in said.err
        assert said.err.count("\n") == 1
        assert not (tmp_path / "out").exists()
