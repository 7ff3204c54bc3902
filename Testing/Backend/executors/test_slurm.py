from __future__ import annotations

import math
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import dask
import pytest

from atlastumor.errors import DependencyError, DeviceError, InputError
from atlastumor.executors import slurm
from atlastumor.executors.dask_client import Tls, import_dask
from atlastumor.executors.dask_cluster import DaskExecutor
from atlastumor.executors.slurm import parse_slurm
from Backend.executors.cluster_jobs import nap
from Backend.executors.fake_slurm import install_slurm
from Backend.executors.farm import REPOSITORY, make_certificates, wait_for

JOBS = parse_slurm("jobs=1,cores=1,memory=1GB,interface=lo,gres=gpu:1,walltime=02:00:00")


@pytest.fixture
def a_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `sbatch` and `scancel`, where jobs leave their scripts and logs."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{install_slurm(folder)}{os.pathsep}{os.environ['PATH']}")
    paths = [str(REPOSITORY / "AtlasTumorLib"), str(REPOSITORY / "Testing")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return folder


def test_words_become_jobs_and_what_is_not_ours_is_for_sbatch() -> None:
    jobs = parse_slurm("jobs=4, cores=8,memory=32GB,gres=gpu:a100:1,interface=ib0,qos=long")

    assert (jobs.jobs, jobs.cores, jobs.memory, jobs.interface) == (4, 8, "32GB", "ib0")
    assert jobs.directives == ("--gres=gpu:a100:1", "--qos=long")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("jobs=4", "cores, memory, host or interface"),
        ("jobs=none,cores=1,memory=1GB,host=a", "'jobs=none' is no number"),
        ("jobs", "is not KEY=VALUE"),
        ("jobs=1,cores=1,memory=1GB,host=a,comment=$(rm)", "is not KEY=VALUE"),
    ],
)
def test_words_that_make_no_job_are_refused(words: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_slurm(words)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_a_job_that_slurm_kills_is_submitted_again_and_the_last_ones_are_cancelled(
    a_slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "_AGAIN_S", 0.5)
    import_dask()  # before its settings are touched
    ended = []
    tls = Tls(*make_certificates(tmp_path))
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "100ms"}),
        DaskExecutor(replace(JOBS, tls=tls).start, tls=tls, patience_s=math.inf) as executor,
    ):
        executor.submit("a", nap, (tmp_path, "a", 60.0))  # it is killed before
        wait_for(lambda: executor.wait(0.1) or list(tmp_path.glob("*.begun")))
        os.killpg(int((a_slurm / "job-1.pid").read_text()), signal.SIGKILL)
        while not ended or ended[-1].is_lost:
            ended += executor.wait(10.0)
            if ended and ended[-1].is_lost:
                executor.submit("a", nap, (tmp_path, "a-again", 0.1))
    script = (a_slurm / "job-1.sh").read_text()

    assert [one.is_lost for one in ended] == [True, False]
    assert "#SBATCH --gres=gpu:1" in script
    assert "#SBATCH -t 02:00:00" in script
    assert " tls://127.0.0.1:" in script
    assert "export OMP_NUM_THREADS=1" in script
    assert script.rindex("--nthreads 3") > script.rindex("--nthreads 1")
    assert "2" in (a_slurm / "cancelled").read_text().split()


def test_what_slurm_refuses_is_told_in_its_words(a_slurm: Path) -> None:
    with pytest.raises(DeviceError, match="invalid partition specified: closed"):
        DaskExecutor(replace(JOBS, queue="closed").start).__enter__()

    assert not (a_slurm / "count").exists()


def test_without_slurm_or_its_package_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DeviceError, match="no `sbatch` here"):
        JOBS.start()

    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(DependencyError, match="dask_jobqueue"):
        JOBS.start()
