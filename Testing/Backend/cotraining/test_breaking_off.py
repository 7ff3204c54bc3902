"""What becomes of a run whose disk is full, whose cache is damaged, whose processes are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import psutil
import pytest
import torch
from filelock import FileLock

from atlastumor.batch.cases import Problem
from atlastumor.cli import main
from atlastumor.cotraining import running, validation
from atlastumor.cotraining.history import STEPS, Table
from atlastumor.cotraining.prepare import CachedCase, prepare_cases
from atlastumor.errors import OutOfMemoryError, OutputError
from atlastumor.models.specs import InputSpec
from atlastumor.training.state import write_state
from Backend.cotraining.tiny_cohort import INPUT, write_case, write_config
from Backend.source_tree import REPOSITORY

SPEC = InputSpec(**{k: tuple(v) if isinstance(v, list) else v for k, v in INPUT.items()})
FULL = Path("/dev/full")  # takes nothing, as a disk without room
full_disk = pytest.mark.skipif(not FULL.exists(), reason="Only Linux has a full disk at hand.")


def train(config: Path) -> int:
    return main(["train", str(config), "--device", "cpu"])


def one_case(folder: Path, **more: object) -> Path:
    return write_config(folder, [write_case(folder, "one", 1, tumor=True)], **more)


@full_disk
def test_a_full_disk_at_a_checkpoint_is_said_and_nothing_half_written_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = one_case(tmp_path)
    partial = tmp_path / "out" / "run" / "checkpoint.partial"
    partial.parent.mkdir(parents=True)
    partial.symlink_to(FULL)

    code = train(config)

    assert code == 3
    assert "No space left on device. Make room or name another" in capsys.readouterr().err
    assert not partial.is_symlink()
    assert train(config) == 0


def test_an_interrupted_checkpoint_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    write_state({"step": 1}, path)

    class Stopped(dict[str, object]):
        def __reduce__(self) -> tuple[object, ...]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_state({"step": Stopped(), "big": torch.zeros(100)}, path)

    assert torch.load(path) == {"step": 1}
    assert os.listdir(tmp_path) == ["checkpoint.pt"]  # noqa: PTH208 - names are what counts


def test_a_cache_that_names_a_file_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")

    code = train(one_case(tmp_path, cache="taken"))

    said = capsys.readouterr().err
    assert code == 3
    assert (
        "taken' cannot be written: Not a directory. Make room on the disk or name another" in said
    )


def test_a_disk_that_says_no_reason_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        msg = "5 requested and 0 written"
        raise OSError(msg)

    case = write_case(tmp_path, "one", 1, tumor=True)
    monkeypatch.setattr(np, "save", fail)

    with pytest.raises(OutputError, match=r"written: 5 requested and 0 written\. Make room"):
        list(prepare_cases([case], SPEC, tmp_path / "cache"))


def cut(name: str, size: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:size])

    return damage


def other_shape(folder: Path) -> None:
    np.save(folder / "labels.npy", np.zeros((2, 2, 2), np.uint8))


def lose(folder: Path) -> None:
    (folder / "labels.npy").unlink()


def other_record(folder: Path) -> None:
    (folder / "case.json").write_text(json.dumps({"affine": 1}))


@pytest.mark.parametrize(
    "damage",
    [
        cut("hu.npy", 1000),
        cut("hu.npy", 0),
        cut("labels.npy", 40),
        cut("case.json", 30),
        other_shape,
        lose,
        other_record,
    ],
)
def test_a_damaged_case_of_the_cache_is_made_again(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    case = write_case(tmp_path, "one", 1, tumor=True)
    cache = tmp_path / "cache"
    [made] = prepare_cases([case], SPEC, cache)
    assert isinstance(made, CachedCase)
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    damage(made.folder)

    [again] = prepare_cases([case], SPEC, cache)

    assert again == made
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before
    assert list(cache.iterdir()) == [made.folder]


def test_a_process_that_dies_while_it_prepares_is_said(tmp_path: Path) -> None:
    cases = [write_case(tmp_path, f"case{n}", n, tumor=True) for n in range(2)]
    os.mkfifo(tmp_path / "waits.nii.gz")  # a worker that reads it waits for ever
    cases[1].scan.unlink()
    (tmp_path / "waits.nii.gz").rename(cases[1].scan)
    prepared = prepare_cases(cases, SPEC, tmp_path / "cache", workers=2)
    assert isinstance(next(prepared), CachedCase)

    for child in psutil.Process().children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()

    with pytest.raises(OutOfMemoryError, match=r"prepares scans died.*Set `workers` lower"):
        list(prepared)


def test_rows_of_the_history_that_are_damaged_are_left_out(tmp_path: Path) -> None:
    table = Table(tmp_path / "history.csv", STEPS)
    table.cut(0)
    table.add([dict.fromkeys(STEPS, 1.5) | {"step": n} for n in (1, 2, 3)])
    lines = table.path.read_bytes().splitlines()
    bad = [b"\0\0\0\xff,1,1,1,1,1,1", b"x" + lines[2], b"2,0.1,oops,1,1,1,1", lines[2] + b",1"]
    table.path.write_bytes(b"\n".join([b"garbage", lines[1], *bad, b"", lines[3], b"4,0."]))

    table.cut(3)

    assert [row["step"] for row in table.rows()] == ["1", "3"]
    assert table.path.read_text().splitlines()[0] == ",".join(STEPS)


def test_a_second_run_into_one_folder_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = one_case(tmp_path)
    folder = tmp_path / "out" / "run"
    folder.mkdir(parents=True)

    with FileLock(folder / ".lock"):
        code = train(config)
    said = capsys.readouterr().err

    assert code == 3
    assert "Another run writes into" in said
    assert len(said.strip().splitlines()) == 1
    assert os.listdir(folder) in ([], [".lock"])  # noqa: PTH208 - names are what counts
    assert train(config) == 0


Drawing = tuple[subprocess.Popen[str], psutil.Process]


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def drawing(tmp_path: Path) -> Iterator[Drawing]:
    """A run whose patches another process draws, and that process."""
    config = one_case(tmp_path, steps=100_000, checkpoint_every=2, workers=1)
    words = [sys.executable, "-m", "atlastumor", "train", str(config), "--device", "cpu"]
    path = str(REPOSITORY / "AtlasTumorLib")
    run = subprocess.Popen(
        words,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for((tmp_path / "out/run/checkpoint.pt").exists)
    [worker] = [
        child
        for child in psutil.Process(run.pid).children()
        if "resource_tracker" not in " ".join(child.cmdline())
    ]
    yield run, worker
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def test_a_worker_that_is_killed_ends_the_run_with_advice(drawing: Drawing) -> None:
    run, worker = drawing

    worker.kill()
    said = run.communicate(timeout=60)[1]

    assert run.returncode == OutOfMemoryError.exit_code, said
    assert "draws patches died, most likely for want of memory. Set `workers` lower" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("what", [ConnectionRefusedError(111, "refused"), EOFError()])
def test_a_worker_that_dies_while_it_hands_a_patch_over_is_told_as_dead(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: Exception,
) -> None:
    monkeypatch.setattr(running, "_go", Mock(side_effect=what))

    code = train(one_case(tmp_path))

    assert code == OutOfMemoryError.exit_code
    assert "draws patches died" in capsys.readouterr().err


def test_a_signal_to_all_processes_cancels_the_run(drawing: Drawing) -> None:
    run, worker = drawing
    worker.terminate()
    worker.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert run.poll() is None

    os.killpg(run.pid, signal.SIGTERM)
    said = run.communicate(timeout=60)[1]

    assert run.returncode == 130
    assert "Cancelled." in said
    assert "Traceback" not in said


def test_a_validation_scan_too_large_for_memory_is_skipped_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = write_case(tmp_path, "huge", 1, tumor=True)
    too_large = OutOfMemoryError("It does not fit.")
    monkeypatch.setattr(validation, "load_case", Mock(side_effect=too_large))
    monkeypatch.setattr(validation, "Segmenter", Mock())

    measured = validation.validate(Mock(outputs=()), tmp_path, [case], device="cpu")

    assert measured.problems == (Problem("huge", "It does not fit."),)
