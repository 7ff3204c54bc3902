from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest

import atlastumor
from atlastumor.cli import main
from Backend.cohorts.tiny import TINY, write_model, write_scans
from Backend.executors.farm import Farm, wait_for
from Backend.ports import a_free_port

HOST = "127.0.0.1"
N = 6


@pytest.fixture
def a_command(tmp_path: Path) -> list[str]:
    """Words that segment a small cohort, without who is to do it."""
    write_scans(tmp_path / "scans", N)
    models = write_model(tmp_path / "models")
    words = ["batch", str(tmp_path / "scans"), "-o", str(tmp_path / "out"), "--no-report"]
    return [*words, "--model", TINY, "--models-dir", str(models), "--device", "cpu"]


def start(farm: Farm, port: int, *more: str) -> str:
    """A scheduler and a worker with one thread."""
    farm.environment["OMP_NUM_THREADS"] = "1"
    address = farm.start_scheduler(HOST, port)
    farm.start_worker("worker", address, HOST, "--no-nanny", *more, threads=1)
    return address


def test_a_killed_scheduler_is_told_and_the_same_command_goes_on(
    a_command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port, cases, logs = a_free_port(), tmp_path / "out" / "cases", tmp_path / "logs"
    logs.mkdir()
    with Farm(logs) as farm:
        held = start(farm, port, "--preload", "Backend.executors.held_worker")
        command = [*a_command, "--scheduler", held]

        def kill() -> None:
            wait_for(lambda: cases.is_dir() and any(cases.iterdir()))
            farm.kill("scheduler")

        killing = Thread(target=kill)
        killing.start()
        broken_off = main([*command, "--patience", "2"])
        killing.join()
        said = capsys.readouterr().err
        before = {path.name: (path / "case.json").read_bytes() for path in cases.iterdir()}
        farm.kill("worker")
        start(farm, port)
        done = main(command)

    assert (broken_off, done) == (4, 0)
    assert "give the same command again" in said
    assert 1 <= len(before) < N
    after = {path.name: (path / "case.json").read_bytes() for path in cases.iterdir()}
    assert len(after) == N
    assert after.items() >= before.items()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        ".runner.lock",
        "cases",
        "journal.sqlite",
    }


@pytest.mark.parametrize(
    ("more", "said", "code"),
    [
        (["--scheduler", "tcp://a:1", "--slurm", "jobs=1"], "Give one of", 2),
        (["--scheduler", "tcp://a:1", "--workers", "2"], "Give one of", 2),
        (["--tls-ca", "none.pem"], "all of --tls-ca", 2),
        (["--slurm", "jobs=1"], "cores, memory, host or interface", 3),
        (["--scheduler", "tls://a:1"], "needs all three files", 3),
        (["--patience", "never"], "no number of seconds", 2),
        (["--gpus", "97"], "There is no GPU 97", 4),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_anything_is_made(
    a_command: list[str], capsys: pytest.CaptureFixture[str], more: list[str], said: str, code: int
) -> None:
    assert main([*a_command, *more]) == code
    assert said in capsys.readouterr().err


def test_a_worker_that_has_not_the_model_is_refused_by_name(
    a_command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = tmp_path / "hidden"
    with Farm(tmp_path) as farm:
        farm.environment["PYTHONPATH"] = str(_a_package_of_another_version(hidden))
        address = farm.start_scheduler(HOST, a_free_port())
        farm.start_worker("old", address, HOST, "--no-nanny", threads=1)
        wait_for(lambda: "Registered to" in farm.read_log("old"))
        code = main([*a_command, "--scheduler", address])

    assert code == 4
    assert "The worker old on " in (said := capsys.readouterr().err)
    assert "The version of AtlasTumor is 0.0.1 there and " in said
    assert not list((tmp_path / "out" / "cases").iterdir())


def _a_package_of_another_version(folder: Path) -> Path:
    """The package as it is, but for its version."""
    package = folder / "atlastumor"
    package.mkdir(parents=True)
    here = Path(atlastumor.__file__)
    for path in here.parent.iterdir():
        if path != here:
            (package / path.name).symlink_to(path)
    text = here.read_text().replace(f'"{atlastumor.__version__}"', '"0.0.1"')
    (package / here.name).write_text(text)
    return folder
