"""The command as a user and as a program meets it: words, exit codes, JSON lines, what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.organs import ORGANS

from ..cohorts.tiny import TINY, write_model
from ..scans.bad_inputs import BAD_INPUTS
from ..scans.bodies import a_body

MODEL = TINY


@pytest.fixture(scope="module")
def a_models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small network of random weights."""
    return write_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def a_scan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A body-like CT with oblique, flipped, anisotropic voxels."""
    path = tmp_path_factory.mktemp("scan") / "ct.nii.gz"
    hu = a_body((40, 34, 24))
    affine = np.diag([-3.0, 2.5, 5.0, 1.0])
    affine[:3, 3] = 40.0, -70.0, 12.5
    nibabel.save(nibabel.Nifti1Image(hu, affine), path)
    return path


def run(*words: object) -> int:
    return main([str(word) for word in words])


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["segment", "x"],
        ["segment", "x", "-o", "out", "--threshold", "liver=7"],
        ["segment", "x", "-o", "out", "--threshold", "spleen=0.5"],
        ["segment", "x", "-o", "out", "--organs", "spleen"],
        ["segment", "x", "-o", "out", "--organs", ","],
        ["segment", "x", "-o", "out", "--format", "png"],
        ["segment", "x", "-o", "out", "--format", ""],
        ["segment", "", "-o", "out"],
        ["segment", "x", "-o", " "],
        ["segment", "x", "-o", "out", "--models-dir", "no-such-folder"],
        ["segment", "x", "-o", "out", "--model", "no-such-model"],
        ["models", "show", "no-such-model"],
        ["phantom", "--seed", "one", "-o", "out"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_in_two_with_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.chdir(tmp_path)

    assert run(*words) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("atlastumor: ")
    assert output.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "build", [pytest.param(build, id=sentence) for sentence, build, _ in BAD_INPUTS]
)
def test_bad_input_ends_in_three_with_one_line_and_no_output(
    build: object, tmp_path: Path, a_models_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "input").mkdir()
    path = build(tmp_path / "input")
    out = tmp_path / "out"

    code = run("segment", path, "-o", out, "--model", MODEL, "--models-dir", a_models_folder)

    output = capfd.readouterr()
    assert code == 3
    assert output.err.count("\n") == 1
    assert "Traceback" not in output.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["input"]


def test_segmenting_writes_the_promised_files_on_the_grid_of_the_scan(
    a_scan_file: Path, a_models_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    options = ("--model", MODEL, "--models-dir", a_models_folder, "--device", "cpu")
    more = ("--probabilities", "--format", "seg.nrrd", "--format", "nifti")
    assert run("segment", a_scan_file, "-o", out, *options, *more) == 0

    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names >= {
        "labels.nii.gz",
        "lesions.csv",
        "result.json",
        "report.html",
        "overview.png",
        "segmentation.seg.nrrd",
        "probabilities/liver_tumor.nii.gz",
    }
    scan, labels = nibabel.load(a_scan_file), nibabel.load(out / "labels.nii.gz")
    assert labels.shape == scan.shape
    assert np.array_equal(labels.affine, scan.affine)
    assert set(np.unique(labels.dataobj)) <= {0, 5, 27}
    probability = nibabel.load(out / "probabilities/liver_tumor.nii.gz").get_fdata()
    assert 0.0 <= probability.min() <= probability.max() <= 1.0
    record = json.loads((out / "result.json").read_text())
    assert record["provenance"]["model_id"] == MODEL
    assert "Wrote:" in capsys.readouterr().out


def test_json_progress_speaks_one_event_per_line(
    a_scan_file: Path, a_models_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--model", MODEL, "--models-dir", a_models_folder, "--json-progress")
    assert run("segment", a_scan_file, "-o", tmp_path / "out", *options) == 0

    said = events(capsys.readouterr().out)
    fractions = [one["fraction"] for one in said if one["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert said[-1]["event"] == "result"
    assert all(Path(file).is_file() for file in said[-1]["files"])


def test_the_same_scan_gives_the_same_bytes(
    a_scan_file: Path, a_models_folder: Path, tmp_path: Path
) -> None:
    options = ("--model", MODEL, "--models-dir", a_models_folder, "--device", "cpu")
    for name in ("one", "two"):
        assert run("segment", a_scan_file, "-o", tmp_path / name, *options) == 0

    for name in ("labels.nii.gz", "lesions.csv", "overview.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_cuda_without_a_gpu_ends_in_four(
    a_scan_file: Path,
    a_models_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    options = ("--model", MODEL, "--models-dir", a_models_folder, "--device", "cuda")

    assert run("segment", a_scan_file, "-o", tmp_path / "out", *options) == 4

    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_in_three_and_leaves_nothing(
    a_scan_file: Path,
    a_models_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("atlastumor.results.nifti.write_labels", no_space)
    options = ("--model", MODEL, "--models-dir", a_models_folder)

    assert run("segment", a_scan_file, "-o", tmp_path / "out", *options) == 3

    assert "disk is full" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kill", "code"), [(signal.SIGTERM, 130), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_killed_run_leaves_no_half_written_result(
    kill: signal.Signals, code: int, a_scan_file: Path, a_models_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["segment", a_scan_file, "-o", out, "--model", MODEL, "--models-dir", a_models_folder]
    command = [sys.executable, "-m", "atlastumor", *map(str, words), "--json-progress"]
    library = Path(__file__).parents[3] / "AtlasTumorLib"
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(library)},
        # A shell starts background jobs deaf to Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        for line in process.stdout:
            if "progress" in line:
                process.send_signal(kill)
                break
        process.stdout.read()
    assert process.returncode == code
    assert not out.exists()
    assert run(*words) == 0  # and what is left behind is in nobody's way
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_organs_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("organs") == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [organ.key for organ in ORGANS]


def test_models_lists_and_shows(a_models_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "list", "--models-dir", a_models_folder) == 0
    assert MODEL in capsys.readouterr().out

    assert run("models", "show", MODEL, "--models-dir", a_models_folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == MODEL


def test_a_missing_package_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "atlastumor.phantom", None)

    assert run("phantom", "--seed", 1, "-o", tmp_path / "out") == 4

    assert "'atlastumor.phantom' is missing" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("words", [["organs"], ["organs", "--json-progress"]], ids=len)
def test_what_cannot_be_said_is_no_bug(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "atlastumor", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 3
    assert done.stderr.startswith("atlastumor: Standard output cannot be written to")
    assert done.stderr.count("\n") == 1


def test_a_bug_is_called_a_bug(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlastumor.cli.organs.ORGANS", None)

    assert run("organs") == 1

    assert "This is a bug in AtlasTumor" in capsys.readouterr().err


def test_time_left_is_told_once_there_is_something_to_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from atlastumor.cli.console import Console

    console = Console(as_json=True)
    console.progress(0.0, "Starting")
    time.sleep(0.11)
    console.progress(0.5, "Working")
    console.progress(0.4, "Still working")

    said = events(capsys.readouterr().out)
    assert [one["fraction"] for one in said] == [0.0, 0.5, 0.5]
    assert said[0]["seconds_left"] is None
    assert said[1]["seconds_left"] > 0
