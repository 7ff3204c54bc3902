"""`atlastumor scaling` from configuration to report, as a user runs it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from atlastumor.cli import main
from atlastumor.errors import InputError, OutputError
from atlastumor.executors import Ended
from atlastumor.scaling.cells import CellResult, CellTask
from atlastumor.scaling.config import load_scaling
from atlastumor.scaling.patients import Patients, read_patients
from atlastumor.scaling.running import describe_settings, plan_tasks, run_cells
from Backend.executors.farm import Farm
from Backend.ports import a_free_port
from Backend.scaling.tiny_study import TRAINING, write_cohorts, write_study
from Backend.source_tree import REPOSITORY

pytestmark = pytest.mark.usefixtures("one_thread")

KEYS = ["n1-fold0-seed1", "n1-fold3-seed1", "n2-fold0-seed1", "n2-fold3-seed1"]
KILLED = """
import os, signal, sys
from pathlib import Path
from atlastumor.scaling.config import load_scaling
from atlastumor.scaling.patients import read_patients
from atlastumor.scaling.study import run_study

seen = []
def progress(fraction, stage):
    if sys.argv[2] in stage:
        seen.append(stage)
    if len(seen) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

config = load_scaling(Path(sys.argv[1]))
run_study(config, read_patients(config), Path(sys.argv[1]).parent / "out", device="cpu",
          progress=progress)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of two sizes and two arms, run by the command in this process."""
    folder = tmp_path_factory.mktemp("finished")
    write_cohorts(folder)
    assert run_study(folder) == 0
    return folder


def run_study(folder: Path, *words: str, **more: Any) -> int:
    config = write_study(folder, **more)
    always = ["-o", str(folder / "out"), "--device", "cpu", "--threads", "1"]
    return main(["scaling", str(config), *always, *words])


def numbers(folder: Path) -> dict[str, Any]:
    """What every cell measured, by its key."""
    paths = sorted((folder / "out" / "cells").glob("*/result.json"))
    return {path.parent.name: json.loads(path.read_text())["rows"] for path in paths}


def losses(folder: Path, key: str) -> list[str]:
    path = folder / "out" / "cells" / key / "model" / "run" / "history.csv"
    with path.open(newline="") as file:
        return [row["loss"] for row in csv.DictReader(file)]


def plan(folder: Path) -> tuple[list[CellTask], dict[str, Any], Patients]:
    config = load_scaling(write_study(folder))
    patients = read_patients(config)
    tasks = plan_tasks(config, patients, folder / "out", device="cpu", n_threads=1)
    return tasks, describe_settings(config, patients), patients


def test_a_study_is_reported_with_every_cell_and_says_what_it_cannot_show(finished: Path) -> None:
    out = finished / "out"

    report = (out / "report.md").read_text()
    study = json.loads((out / "study.json").read_text())
    with (out / "values.csv").open(newline="") as file:
        values = list(csv.DictReader(file))
    with (out / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert sorted(numbers(finished)) == KEYS
    assert {(one["n"], one["fold"]) for one in study["cells"]} == {(1, 0), (1, 3), (2, 0), (2, 3)}
    assert study["missing_cells"] == 0
    assert len(rows) == 4 * 2 * 2  # cells, scans, organs
    assert {row["set"] for row in values} == {"held-out"}
    assert {row["organ"] for row in values} == {"all", "liver", "kidney"}
    assert "## What it cannot show" in report
    assert "not estimable (fewer than three sizes have a value)" in report
    assert "1 seed(s) show little" in report
    for name in ("scaling", "metrics", "organs"):
        assert f"({name}.svg)" in report
        assert (out / f"{name}.svg").read_text().startswith("<?xml")
        assert (out / f"{name}.png").stat().st_size > 2000


def test_synthetic_tumors_are_in_the_arm_that_is_to_have_them_and_subsets_are_shared(
    finished: Path,
) -> None:
    cells = json.loads((finished / "out" / "study.json").read_text())["cells"]

    for cell in cells:
        assert (cell["synthetic_tumors"] > 0) == (cell["fold"] > 0)
    by_size = {n: [cell["cases"] for cell in cells if cell["n"] == n] for n in (1, 2)}
    assert by_size[1][0] == by_size[1][1] == by_size[2][0][:1]
    assert by_size[2][0] == by_size[2][1]
    assert len(list((finished / "out" / "cache").iterdir())) == 2


class Nobody:
    """An executor that must not be asked."""

    n_slots = 1

    def submit(self, key: str, _function: Callable[[Any], Any], _argument: Any) -> None:
        raise AssertionError(key)

    def wait(self, _timeout_s: float) -> list[Ended]:
        raise AssertionError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_a_finished_cell_is_never_run_again(finished: Path) -> None:
    tasks, settings, _ = plan(finished)

    again = run_cells(tasks, settings, finished / "out", Nobody())

    assert [result.cell.key for result in again.results] == KEYS


def test_the_plan_says_what_is_left_and_writes_nothing(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(finished.rglob("*"))

    code = run_study(finished, "--list")

    assert code == 0
    assert "4 cells, 4 of them finished." in capsys.readouterr().out
    assert sorted(finished.rglob("*")) == before


def test_a_study_that_was_killed_goes_on_to_the_same_numbers_on_a_cluster(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_cohorts(tmp_path)
    config = write_study(tmp_path, sizes=[1])
    paths = {**os.environ, "PYTHONPATH": str(REPOSITORY / "AtlasTumorLib")}

    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(config), f"{KEYS[1]}: Training", "3"],
        env=paths,
        check=False,
        capture_output=True,
    )
    before, first = numbers(tmp_path), tmp_path / "out/cells" / KEYS[0] / "result.json"
    stamp = first.stat().st_mtime_ns
    with Farm(tmp_path) as farm:
        address = farm.start_scheduler("127.0.0.1", a_free_port())
        farm.start_worker("one", address, "127.0.0.1", threads=1)
        code = run_study(tmp_path, "--scheduler", address, sizes=[1])

    assert ended.returncode == -signal.SIGKILL
    assert list(before) == KEYS[:1]
    assert code == 0
    assert first.stat().st_mtime_ns == stamp
    assert numbers(tmp_path) == {key: numbers(finished)[key] for key in KEYS[:2]}
    for key in KEYS[:2]:
        assert losses(tmp_path, key) == losses(finished, key)


def test_measured_scans_are_kept_and_the_rest_comes_out_the_same_in_processes_of_their_own(
    finished: Path, tmp_path: Path
) -> None:
    write_cohorts(tmp_path)
    tasks, settings, _ = plan(tmp_path)
    journal = tasks[0].folder / "scores.jsonl"

    def stop(_fraction: float, stage: str) -> None:
        if "Measuring" in stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cells(tasks, settings, tmp_path / "out", progress=stop)
    first = journal.read_text()
    journal.write_text(first + first[: len(first) // 2])  # a line that a killed process began
    code = run_study(tmp_path, "--workers", "2", sizes=[1])

    assert code == 0
    assert len(first.splitlines()) == 1
    assert journal.read_text().startswith(first)
    assert len(journal.read_text().splitlines()) == 2
    assert numbers(tmp_path) == {key: numbers(finished)[key] for key in KEYS[:2]}


class Losing(Nobody):
    """An executor that loses a job as often as is said, and then makes up its result."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.submitted: list[str] = []
        self._task: CellTask | None = None

    def submit(self, key: str, _function: Callable[[Any], Any], argument: Any) -> None:
        self.submitted.append(key)
        self._task = argument

    def wait(self, _timeout_s: float) -> list[Ended]:
        assert self._task is not None
        key = self._task.cell.key
        if len(self.submitted) <= self.losses:
            return [Ended(key, is_lost=True)]
        return [Ended(key, CellResult(self._task.cell, (), (), {}))]


def test_a_lost_cell_is_handed_out_twice_more_and_then_named(
    finished: Path, tmp_path: Path
) -> None:
    tasks, settings, _ = plan(finished)
    task = replace(tasks[0], folder=tmp_path / "cell")

    saved = run_cells([task], settings, tmp_path / "saved", kind := Losing(2))
    lost = run_cells([task], settings, tmp_path / "lost", Losing(9))

    assert kind.submitted == [KEYS[0]] * 3
    assert [result.cell for result in saved.results] == [task.cell]
    assert not lost.results
    assert lost.problems[0].case == KEYS[0]
    assert "died 3 times" in lost.problems[0].message


def test_more_seeds_may_be_added_but_other_settings_are_refused(finished: Path) -> None:
    config = load_scaling(write_study(finished, seeds=[1, 2], sizes=[1, 2, 3]))
    patients = read_patients(config)
    tasks = plan_tasks(config, patients, finished / "out", device="cpu", n_threads=1)

    class Counting(Losing):
        """Knows what it was given."""

    executor = Counting(0)
    more = run_cells(tasks, describe_settings(config, patients), finished / "out", executor)
    changed = load_scaling(write_study(finished, training={**TRAINING, "steps": 5}))

    assert len(more.results) == 12
    assert len(executor.submitted) == 8
    with pytest.raises(InputError, match=r"other settings \( training: steps;\)"):
        run_cells([], describe_settings(changed, patients), finished / "out")


def test_a_cell_that_fails_is_named_and_costs_no_other(finished: Path, tmp_path: Path) -> None:
    tasks, settings, _ = plan(finished)
    broken = replace(tasks[1], folder=tmp_path / "broken", fingerprint="other")
    broken = replace(broken, training=replace(broken.training, patch=(18, 16, 16)))

    done = run_cells([tasks[0], broken], settings, finished / "out")

    assert [result.cell for result in done.results] == [tasks[0].cell]
    assert "needs multiples of" in done.problems[0].message


def test_two_processes_do_not_work_on_one_study(finished: Path) -> None:
    from filelock import FileLock

    tasks, settings, _ = plan(finished)

    with FileLock(finished / "out" / ".lock"), pytest.raises(OutputError, match="Another process"):
        run_cells(tasks, settings, finished / "out")
