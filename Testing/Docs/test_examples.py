"""Every example in the documentation runs as a reader would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.phantom import make_phantom

EXAMPLES = Path(__file__).resolve().parents[2] / "Resources/Docs/examples"


@pytest.fixture(scope="module")
def a_scan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slab of a phantom at three times its spacing: small, and still a CT."""
    scan = make_phantom(4).scan
    middle = scan.array.shape[2] // 2
    array = scan.array[::3, ::3, max(0, middle - 60) : middle + 60 : 3]
    affine = scan.grid.affine @ np.diag([3.0, 3.0, 3.0, 1.0])
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(array), affine), path)
    return path


def run(example: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
def test_a_scan_is_segmented_and_every_organ_gets_an_answer(a_scan_file: Path) -> None:
    said = run("01_segment_a_scan.py", a_scan_file)

    assert all(f"{organ}: " in said for organ in ("liver", "kidney", "esophagus"))


@pytest.mark.slow
def test_results_are_written_to_the_folder(a_scan_file: Path, tmp_path: Path) -> None:
    said = run("02_write_results.py", a_scan_file, tmp_path / "results")

    assert "labels.nii.gz" in said
    assert {path.name for path in (tmp_path / "results").iterdir()} >= set(said.split())


@pytest.mark.slow
def test_a_segmentation_stops_when_it_is_told_to(a_scan_file: Path) -> None:
    said = run("03_watch_and_cancel.py", a_scan_file)

    assert said.endswith("Stopped.\n")
    assert "100%" not in said


@pytest.mark.slow
def test_a_phantom_says_what_is_in_it() -> None:
    said = run("04_make_a_phantom.py", 7)

    assert "liver: " in said
    assert "_lesion: " in said


def test_the_tables_name_six_organs_and_the_embedded_model() -> None:
    said = run("05_read_the_tables.py")

    assert said.count("tumors are") == 6
    assert "atlastumor-phantom-v0" in said


def test_every_example_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")

    assert all(path.name in text for path in EXAMPLES.glob("*.py"))
