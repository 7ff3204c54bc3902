"""Every example in the documentation runs as a reader would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from atlastumor.phantom import PhantomOptions, make_phantom
from atlastumor.results.phantom import write_phantom

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "Resources/Docs/examples"


@pytest.fixture(scope="module")
def a_scan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom on a coarse grid: small, and still a CT."""
    phantom = make_phantom(4, options=PhantomOptions(in_plane_mm=4.0, slice_mm=6.0))
    return write_phantom(phantom, tmp_path_factory.mktemp("phantom") / "phantom")[0]


def run(example: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "AtlasTumorLib")},
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


def test_adding_a_model_takes_one_card(tmp_path: Path) -> None:
    said = run("06_add_a_model.py", tmp_path)

    assert said.startswith("somebodys-model: Somebody's network for six organs (CC BY 4.0)\n")
    assert "channel 7: tumor liver" in said
    assert said.endswith("It is whole.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["published.pt"]


def test_adding_a_network_takes_one_file_and_one_line(tmp_path: Path) -> None:
    assert run("07_add_a_network.py", tmp_path) == "two-convs answers (1, 13, 16, 16, 16)\n"


def test_data_sets_are_laid_out_as_public_ones(tmp_path: Path) -> None:
    run("09_make_data_sets.py", tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"Task03_Liver", "kits", "mine"}


@pytest.mark.slow
def test_a_recipe_takes_organs_from_two_models(a_scan_file: Path, tmp_path: Path) -> None:
    said = run("08_write_a_recipe.py", tmp_path, a_scan_file)

    assert said.startswith("liver from somebodys-model\n")
    assert "liver: " in said
    assert "Disagreement: {'kidney': 'somebodys-model and atlastumor-phantom-v0'}" in said
    spread = tmp_path / "results" / "disagreement" / "kidney_tumor.nii.gz"
    assert spread.is_file()


@pytest.mark.slow
def test_a_folder_of_scans_is_segmented_once(a_scan_file: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "one.nii.gz").write_bytes(a_scan_file.read_bytes())
    (scans / "torn.nii.gz").write_bytes(a_scan_file.read_bytes()[:5000])

    first = run("10_batch.py", scans, tmp_path / "results")
    again = run("10_batch.py", scans, tmp_path / "results")

    assert "one: done\n" in first
    assert "torn: quarantined: 'torn.nii.gz'" in first
    assert "1 of 2 cases are done." in first
    assert again == first[first.index("1 of 2") :]


def test_the_manual_shows_the_examples_that_are_run() -> None:
    shown = {"models.md": ("06_add_a_model.py", "07_add_a_network.py")}
    shown |= {"recipes.md": ("08_write_a_recipe.py",), "batch.md": ("10_batch.py",)}

    for name, examples in shown.items():
        manual = (REPOSITORY / "Resources/Docs" / name).read_text(encoding="utf-8")
        assert all(f"examples/{example}" in manual for example in examples)


def test_every_example_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")

    assert all(path.name in text for path in EXAMPLES.glob("*.py"))
