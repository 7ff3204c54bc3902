"""`atlastumor synthesize` as a user and as a program meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.models.weights import save_weights
from atlastumor.networks import build_network

from ..models.card_examples import card_data
from ..scans.bad_inputs import BAD_INPUTS
from ..synthesis.made_case import CENTERS_RAS, make_case

CENTER = ",".join(str(x) for x in CENTERS_RAS["pancreas"])  # its first number is negative
FILES = {"ct.nii.gz", "labels.nii.gz", "result.json"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan and its labels."""
    folder, case = tmp_path_factory.mktemp("case"), make_case((3.0, 3.0, 4.0))
    paths = folder / "ct.nii.gz", folder / "labels.nii.gz"
    for path, volume in zip(paths, (case.scan, case.labels), strict=True):
        nibabel.save(nibabel.Nifti1Image(np.asarray(volume.array), volume.grid.affine), path)
    return paths


def run(*words: object) -> int:
    return main(["synthesize", *(str(word) for word in words)])


def words_of(files: tuple[Path, Path], *more: object) -> tuple[object, ...]:
    common = ("--organ", "pancreas", "--diameter-mm", 14, "--seed", 7)
    return (files[0], "--labels", files[1], *common, *more)


def test_the_command_of_the_manual_writes_three_files_that_say_synthetic(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [path.read_bytes() for path in files]
    out = tmp_path / "out"

    code = run(*words_of(files, "--method", "handcrafted", "--at", CENTER, "-o", out))

    assert code == 0
    assert {path.name for path in out.iterdir()} == FILES
    assert [path.read_bytes() for path in files] == before
    old, new = nibabel.load(files[0]), nibabel.load(out / "ct.nii.gz")
    assert bytes(new.header["descrip"].item()).startswith(b"SYNTHETIC")
    assert np.array_equal(new.affine, old.affine)
    assert new.get_data_dtype() == old.get_data_dtype()
    labels = np.asarray(nibabel.load(out / "labels.nii.gz").dataobj)
    changed = np.asarray(new.dataobj) != np.asarray(old.dataobj)
    assert 0 < changed.sum() < 8 * (labels == 28).sum()
    record = json.loads((out / "result.json").read_text())
    assert record["synthetic"] is True
    assert record["seed"] == 7
    assert np.allclose(record["center_ras"], CENTERS_RAS["pancreas"], atol=2.0)
    assert record["diameter_mm"]["got"] == pytest.approx(14.0, rel=0.1)
    said = capsys.readouterr()
    assert "synthetic tumor of 14" in said.out
    assert said.err == ""


def test_the_same_seed_writes_the_same_bytes(files: tuple[Path, Path], tmp_path: Path) -> None:
    more = ("--method", "cellular", "--capsule", "--mass-effect", "--exophytic")

    assert [run(*words_of(files, *more, "-o", tmp_path / name)) for name in "ab"] == [0, 0]

    first, second = ([(tmp_path / x / f).read_bytes() for f in sorted(FILES)] for x in "ab")
    assert first == second
    record = json.loads((tmp_path / "a" / "result.json").read_text())
    assert record["request"]["shape"] == "automaton"
    assert all(record["request"][key] for key in ("capsule", "mass_effect", "exophytic"))


def test_programs_hear_one_result_and_rising_progress(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words_of(files, "-o", tmp_path / "out", "--json-progress")) == 0

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [one["fraction"] for one in said if one["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] >= 0.9
    assert said[-1]["event"] == "result"
    assert {Path(name).name for name in said[-1]["files"]} == FILES
    assert len(said[-1]["center_ras"]) == 3


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


BAD_WORDS = [
    ["--organ", "spleen"],
    ["--method", "magic"],
    ["--shape", "cube"],
    ["--seed", "-1"],
    ["--diameter-mm", "big"],
    ["--at", "1,2"],
    ["--at", "a,b,c"],
]


@pytest.mark.parametrize("words", BAD_WORDS, ids=" ".join)
def test_bad_usage_ends_in_two_with_one_line(
    files: tuple[Path, Path],
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*words_of(files, "-o", tmp_path / "out", *words)) == 2

    check_one_line(capsys, tmp_path)


BAD_REQUESTS = [
    (["--diameter-mm", "0"], "diameter is 0 mm"),
    (["--diameter-mm", "nan"], "diameter"),
    (["--diameter-mm", "500"], "between 3 and 150"),
    (["--contrast-hu", "900"], "contrast"),
    (["--at", "0,0,900"], "outside the scan"),
    (["--at", "-119,-89,0"], "air"),
    (["--at", "nan,0,0"], "finite"),
    (["--at", "50,10,40"], "liver, not the pancreas"),
    (["--diameter-mm", "70"], r"70 mm does not fit"),
    (["--organ", "kidney", "--at", CENTER], "pancreas, not the kidney"),
    (["--labels", "missing.nii.gz"], "missing.nii.gz"),
    (["--method", "difftumor", "--models-dir", "empty"], ""),
]


@pytest.mark.parametrize(
    ("words", "says"), BAD_REQUESTS, ids=[" ".join(words) for words, _ in BAD_REQUESTS]
)
def test_bad_requests_end_in_three_with_one_line_and_no_output(
    files: tuple[Path, Path],
    words: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*words_of(files, "-o", tmp_path / "out", *words)) == 3

    assert says in check_one_line(capsys, tmp_path)


@pytest.mark.parametrize(
    "build", [pytest.param(build, id=sentence) for sentence, build, _ in BAD_INPUTS]
)
def test_bad_scans_end_in_three_with_one_line_and_no_output(
    build: object,
    files: tuple[Path, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "input").mkdir()
    path = build(tmp_path / "input")

    assert run(*words_of((path, files[1]), "-o", tmp_path / "out")) == 3

    output = capfd.readouterr()
    assert output.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["input"]


def test_labels_of_another_grid_are_refused(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = nibabel.load(files[1])
    (tmp_path / "in").mkdir()
    moved = tmp_path / "in" / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine + 7.0), moved)

    assert run(*words_of((files[0], moved), "-o", tmp_path / "out")) == 3

    assert "they must lie on one grid" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_labels_the_model_finds_the_organs(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = card_data() | {"id": "tiny-v1", "thresholds": {"liver": None}}
    card["input"]["spacing_mm"] = [8.0, 8.0, 8.0]
    card["inference"]["patch"] = [32, 32, 32]
    weights = build_network("segresnet", 3, card["network"]["args"]).state_dict()
    for name, value in weights.items():  # a bias that calls every voxel liver
        if value.shape == (3,) and name.endswith("bias"):
            value[:] = value.new_tensor([-9.0, 9.0, -9.0])
    sha256, size = save_weights(weights, tmp_path / "tiny.safetensors")
    card["weights"] = {"file": "tiny.safetensors", "sha256": sha256, "bytes": size}
    (tmp_path / "tiny.json").write_text(json.dumps(card), encoding="utf-8")
    model = ("--model", "tiny-v1", "--models-dir", tmp_path)
    words = ("--organ", "liver", "--diameter-mm", 14, *model, "--at", "50,10,40")

    assert run(files[0], *words, "-o", tmp_path / "out") == 0

    labels = np.asarray(nibabel.load(tmp_path / "out" / "labels.nii.gz").dataobj)
    assert set(np.unique(labels)) == {0, 5, 27} or set(np.unique(labels)) == {5, 27}
    assert "in the liver" in capsys.readouterr().out


def check_one_line(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """One line on standard error, nothing else, and nothing written."""
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("atlastumor: ")
    assert output.err.count("\n") == 1
    assert list(folder.iterdir()) == []
    return output.err
