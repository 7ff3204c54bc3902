"""Whole batches, as a user runs them: the same bytes as single runs, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from atlastumor.cli import main
from atlastumor.cohorts import make_settings, run_batch
from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.rows import State
from atlastumor.cohorts.verifying import verify_result
from atlastumor.errors import Cancelled, InputError
from atlastumor.progress import CancelToken
from atlastumor.provenance import MEASURED
from Backend.cohorts.simulated import Simulated, read
from Backend.cohorts.soak import Soak
from Backend.cohorts.tiny import TINY, batch_command, library_environment, write_model, write_scans

MEASURED_FILES = {"result.json", "report.html", "case.json"}  # they tell time and memory


@pytest.fixture(scope="module")
def a_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a network that takes no time."""
    return write_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scans and a file that is none."""
    folder = tmp_path_factory.mktemp("scans")
    write_scans(folder, 3)
    (folder / "torn.nii.gz").write_bytes((folder / "s000.nii.gz").read_bytes()[:700])
    return folder


def words(a_model: Path) -> list[str]:
    given = ["--model", TINY, "--models-dir", str(a_model), "--device", "cpu"]
    return [*given, "--probabilities", "--format", "nifti,seg.nrrd"]


@pytest.fixture(scope="module")
def a_batch(a_model: Path, scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batch of these, and what its process said."""
    out = tmp_path_factory.mktemp("batch") / "out"
    command = batch_command(scans, "-o", out, *words(a_model), "--workers", "1", "--json-progress")
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=library_environment()
    )
    assert done.stderr == ""
    (out.parent / "said.jsonl").write_text(done.stdout)
    (out.parent / "code").write_text(str(done.returncode))
    return out


def plain(path: Path) -> dict[str, object]:
    """A record without what two equal runs differ in."""
    record = json.loads(path.read_text(encoding="utf-8"))
    for name in MEASURED:
        del record["provenance"][name]
    record["files"].pop("report.html", None)
    return record


@pytest.mark.slow
def test_a_batch_gives_the_bytes_of_single_runs(
    a_batch: Path, a_model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("s002",):
        command = batch_command(scans / f"{name}.nii.gz", "-o", tmp_path / name, *words(a_model))
        command[command.index("batch")] = "segment"
        subprocess.run(command, check=True, capture_output=True, env=library_environment())
        alone, among = tmp_path / name, a_batch / "cases" / name
        files = {path.relative_to(alone) for path in alone.rglob("*") if path.is_file()}

        assert files == {path.relative_to(among) for path in among.rglob("*") if path.is_file()} - {
            Path("case.json")
        }
        assert Path("probabilities/liver_tumor.nii.gz") in files
        for file in files - {Path(one) for one in MEASURED_FILES}:
            assert (alone / file).read_bytes() == (among / file).read_bytes(), file
        assert plain(alone / "result.json") == plain(among / "result.json")


def test_a_damaged_scan_is_named_and_does_not_stop_the_others(a_batch: Path) -> None:
    said = [json.loads(line) for line in (a_batch.parent / "said.jsonl").read_text().splitlines()]
    cases = {one["id"]: one for one in said if one["event"] == "case"}
    result, error = said[-2:]

    assert {name: one["state"] for name, one in cases.items()} == {
        "s000": "done",
        "s001": "done",
        "s002": "done",
        "torn": "quarantined",
    }
    assert "torn.nii.gz" in cases["torn"]["reason"]
    assert cases["s000"]["seconds"] > 0
    assert result["event"] == "result"
    assert result["counts"] == {"waiting": 0, "running": 0, "done": 3, "quarantined": 1}
    assert error["exit_code"] == 3
    assert "1 of 4 cases failed" in error["message"]
    assert (a_batch.parent / "code").read_text() == "3"
    stages = [one["stage"] for one in said if one["event"] == "progress"]
    assert stages[-1] == "4 of 4 cases, 1 failed"


def test_its_status_says_where_it_stands(a_batch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", "status", str(a_batch), "--verify"]) == 0
    said = capsys.readouterr().out
    assert "Cases: 4: 0 waiting, 0 running, 3 done, 1 quarantined." in said
    assert "torn" in said

    assert main(["batch", "status", str(a_batch), "--json-progress"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert told["counts"]["done"] == 3
    assert told["failed"][0]["case"] == "torn"
    assert told["is_running"] is False


def test_its_status_finds_an_altered_result(
    a_batch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = a_batch / "cases" / "s001" / "lesions.csv"
    before = path.read_bytes()
    path.write_bytes(before[:-1] + b"?")
    try:
        assert main(["batch", "status", str(a_batch), "--verify"]) == 3
    finally:
        path.write_bytes(before)
    assert "lesions.csv was altered" in capsys.readouterr().err


def test_other_settings_and_no_folder_are_refused_by_name(
    a_batch: Path, a_model: Path, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", TINY, "--models-dir", str(a_model)]

    assert main(["batch", str(scans), "-o", str(a_batch), *model]) == 3
    assert "probabilities: true, now false" in capsys.readouterr().err
    assert main(["batch", str(scans)]) == 2
    assert "-o" in capsys.readouterr().err
    assert main(["batch", str(scans), "-o", str(scans / "out"), *model]) == 3
    assert "lies within the input" in capsys.readouterr().err
    assert main(["batch", "status", str(scans)]) == 3
    assert "holds no batch" in capsys.readouterr().err
    assert main(["batch", str(scans), "-o", str(a_batch), *model, "--gpus", "0,0"]) == 2


def test_what_failed_is_tried_again_when_it_is_asked_for(
    a_model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "torn.nii.gz").write_bytes((scans / "torn.nii.gz").read_bytes())
    out = tmp_path / "out"
    model = ["--model", TINY, "--models-dir", str(a_model), "--device", "cpu", "--workers", "1"]
    assert main(["batch", str(own), "-o", str(out), *model]) == 3
    (own / "torn.nii.gz").write_bytes((scans / "s000.nii.gz").read_bytes())

    assert main(["batch", "retry-failed", str(out), *model[4:]]) == 0
    assert verify_result(out / "cases" / "torn").case_id == "torn"
    assert "1 of 1 done" in capsys.readouterr().out


def test_scripts_cancel_batches_and_hear_of_wrong_settings(
    a_model: Path, scans: Path, tmp_path: Path
) -> None:
    settings = make_settings(model=TINY, models_dir=a_model, report=False)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        run_batch([scans], tmp_path / "out", settings, device="cpu", n_workers=1, cancel=cancel)
    with pytest.raises(InputError, match="no organ 'spleen'"):
        run_batch([scans], tmp_path / "more", make_settings(thresholds={"spleen": 0.5}))


def test_scans_that_have_changed_are_told_in_one_sentence(a_model: Path, tmp_path: Path) -> None:
    write_scans(tmp_path / "in", 5)
    settings = make_settings(model=TINY, models_dir=a_model)
    notes: list[str] = []

    def go_on() -> None:
        run_batch(
            [tmp_path / "in"],
            tmp_path / "out",
            settings,
            executor=Simulated(),
            on_note=notes.append,
        )

    go_on()
    go_on()
    assert notes == []

    for path in sorted((tmp_path / "in").iterdir())[:4]:
        os.utime(path, ns=(1, 1))
    go_on()
    go_on()

    (said,) = notes
    assert "have changed since: 4 (s000, s001, s002 and 1 more)." in said


@pytest.mark.slow
def test_ctrl_c_ends_a_batch_in_seconds_and_leaves_it_to_be_gone_on_with(
    a_model: Path, tmp_path: Path
) -> None:
    write_scans(tmp_path / "in", 60)
    out = tmp_path / "out"
    command = batch_command(tmp_path / "in", "-o", out, *words(a_model), "--workers", "1")
    runner = subprocess.Popen(
        command, env=library_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 600.0
    while not list(out.glob("cases/*")) and time.monotonic() < until:
        assert runner.poll() is None
        time.sleep(0.1)
    assert list(out.glob("cases/*"))

    runner.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, said = runner.communicate(timeout=30.0)

    assert time.monotonic() - started < 10.0
    assert runner.returncode == 130
    assert said.decode().strip().endswith("atlastumor: Cancelled.")
    with read(out) as journal:
        counts = journal.count()
    assert counts[State.RUNNING] == 0
    assert counts[State.WAITING] > 0
    assert counts[State.DONE] == len(list(out.glob("cases/*"))) > 0
    assert not CohortFolder(out).staging.exists()


@pytest.mark.slow
def test_a_batch_under_fire_ends_every_case_once(a_model: Path, tmp_path: Path) -> None:
    write_scans(tmp_path / "in", 10)
    given = [tmp_path / "in", *words(a_model), "--workers", "2", "--retries", "9", "--no-report"]
    soak = Soak(given, tmp_path / "out", n_kills=3, pause_s=(3.0, 6.0), seed=20)

    soak.run(most_s=300.0)

    for k in range(8, 10):  # the same bytes as eight before
        first, second = (
            tmp_path / "out" / "cases" / f"s{n:03d}" / "labels.nii.gz" for n in (k - 8, k)
        )
        assert first.read_bytes() == second.read_bytes()
