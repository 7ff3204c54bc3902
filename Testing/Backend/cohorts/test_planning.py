"""How many workers there are, and on what."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from atlastumor.cohorts import planning
from atlastumor.cohorts.case import CohortCase
from atlastumor.cohorts.planning import foresee, guess_grid, plan_local
from atlastumor.cohorts.settings import make_settings
from atlastumor.errors import UsageError

CASES = [CohortCase(f"c{k}", Path(f"/scans/{k}.nii.gz"), None, 3_000_000) for k in range(20)]


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "count_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def n_workers(monkeypatch: pytest.MonkeyPatch, free_bytes: int, n_cases: int = 20) -> int:
    monkeypatch.setattr("atlastumor.inference.memory.available_host_bytes", lambda: free_bytes)
    return plan_local(make_settings(), CASES[:n_cases], device="cpu").n_workers


def test_one_worker_has_all_cores_where_a_single_run_would(monkeypatch: pytest.MonkeyPatch) -> None:
    assert n_workers(monkeypatch, 10**12) == 1


def test_workers_are_as_many_as_have_cores_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for n_threads, wanted in ((1, 8), (4, 2), (5, 1), (16, 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", str(n_threads))
        assert n_workers(monkeypatch, 10**12) == wanted


def test_no_more_workers_than_memory_bears_or_cases_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    each = foresee(make_settings(), guess_grid(CASES[0]), "cpu").host_bytes

    assert 1 <= n_workers(monkeypatch, 4 * each) < 4
    assert n_workers(monkeypatch, 0) == 1
    assert n_workers(monkeypatch, 10**12, n_cases=3) == 3


def test_each_gpu_that_is_shown_gets_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")

    plan = plan_local(make_settings(), CASES, gpus=(0, 1))

    assert [one["CUDA_VISIBLE_DEVICES"] for one in plan.environments] == ["3", "5"]
    assert plan.device == "cuda:0"
    assert plan.n_jobs_each > 2
    with pytest.raises(UsageError, match="not both"):
        plan_local(make_settings(), CASES, gpus=(0,), device="cpu")


def test_a_grid_is_guessed_from_the_size_of_the_files() -> None:
    packed = CohortCase("a", Path("/a.nii.gz"), None, 40_000_000)
    plain = CohortCase("b", Path("/folder"), "1.2", 200 * 512 * 512 * 2)

    assert guess_grid(plain).shape == (512, 512, 200)
    assert 100 < guess_grid(packed).shape[2] < 300
    assert math.prod(guess_grid(CohortCase("c", Path("/c.nii"))).shape) > 0
