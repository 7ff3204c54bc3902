"""`atlastumor synthesize` as a user and as a program meets it."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.models.weights import save_weights
from atlastumor.networks import build_network

from ..models.card_examples import card_data
from ..scans.bad_inputs import BAD_INPUTS
from ..synthesis.made_case import CENTERS_RAS
from .synthesize_case import CENTER, run, words_of, write_case

FILES = {"ct.nii.gz", "labels.nii.gz", "result.json"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan and its labels."""
    return write_case(tmp_path_factory.mktemp("case"))


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


BAD_WORDS = [
    ["--organ", "spleen"],
    ["--method", "magic"],
    ["--shape", "cube"],
    ["--seed", "-1"],
    ["--diameter-mm", "big"],
    ["--at", "1,2"],
    ["--at", "a,b,c"],
    ["--method", "difftumor", "--models-dir", "no-such-folder"],
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
    (["--method", "difftumor", "--models-dir", "."], ""),
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
    affine = image.affine.copy()
    affine[:3, 3] += 7.0
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), affine), moved)

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
