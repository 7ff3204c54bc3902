"""The ladder: each rung is smaller, each step is told, and no device is swapped."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from atlastumor.errors import Cancelled, OutOfMemoryError
from atlastumor.inference.device import choose_device
from atlastumor.inference.ladder import Setting, climb_down, rungs

CPU = choose_device("cpu")
GPU = replace(CPU, name="cuda:0", kind="cuda", description="Example GPU")
PATCH = (128, 160, 112)
LADDER = rungs(GPU, batch=4, patch=PATCH, multiple=(32, 32, 16))


class Runner:
    """Runs out of memory a given number of times, each time in other words."""

    ERRORS = (
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: out of memory"),
        MemoryError("malloc"),
    )

    def __init__(self, n_failures):
        self.n_failures = n_failures
        self.tried = []

    def __call__(self, setting):
        self.tried.append(setting)
        if len(self.tried) <= self.n_failures:
            raise self.ERRORS[len(self.tried) % 3]
        return setting


def test_the_rungs_on_a_gpu_go_from_fastest_to_smallest():
    expected = [
        Setting(4, PATCH),
        Setting(2, PATCH),
        Setting(1, PATCH),
        Setting(1, PATCH, "cpu"),
        Setting(1, PATCH, "cpu", "float16"),
        Setting(1, (96, 96, 80), "cpu", "float16"),
        Setting(1, (64, 64, 48), "cpu", "float16"),
    ]

    assert expected == LADDER


def test_the_rungs_on_a_cpu_have_no_step_that_changes_nothing():
    ladder = rungs(CPU, batch=1, patch=PATCH, multiple=(16, 16, 16))

    assert [s.resample_on for s in ladder] == ["device"] * len(ladder)
    assert len(set(ladder)) == len(ladder)


def test_a_model_that_adds_up_in_half_precision_has_no_rung_for_it():
    ladder = rungs(CPU, batch=1, patch=PATCH, multiple=(16, 16, 16), sums="float16")

    assert {s.accumulate for s in ladder} == {"float16"}
    assert len(set(ladder)) == len(ladder)


def test_patches_stay_multiples_and_never_grow():
    ladder = rungs(CPU, batch=1, patch=(32, 64, 96), multiple=(32, 32, 32))

    assert [s.patch for s in ladder] == [(32, 64, 96), (32, 64, 96), (32, 64, 64)]


@pytest.mark.parametrize("n_failures", [0, 1, 3, 6])
def test_the_first_rung_that_fits_is_taken_and_every_step_is_told(n_failures):
    runner, told = Runner(n_failures), []

    result = climb_down(runner, LADDER, told.append, device=GPU)

    assert result == LADDER[n_failures]
    assert runner.tried == LADDER[: n_failures + 1]
    assert len(told) == n_failures


def test_the_sentences_say_what_changed():
    told = []

    climb_down(Runner(6), LADDER, told.append, device=GPU)

    assert told[0] == "Memory ran out; went on with 2 windows at once instead of 4."
    assert "resampling and sums on the CPU" in told[2]
    assert "half-precision sums" in told[3]
    assert "96 x 96 x 80 voxels, which changes the result slightly" in told[4]


def test_when_nothing_fits_the_gpu_is_not_swapped_for_the_cpu():
    runner = Runner(99)

    with pytest.raises(OutOfMemoryError, match=r"Example GPU.*choose the CPU") as raised:
        climb_down(runner, LADDER, [].append, device=GPU)

    assert len(runner.tried) == len(LADDER)
    assert raised.value.exit_code == 4


def test_when_nothing_fits_the_computer_the_user_is_told_what_to_do():
    with pytest.raises(OutOfMemoryError, match=r"this computer's memory.*crop the scan"):
        climb_down(
            Runner(99), rungs(CPU, batch=1, patch=PATCH, multiple=(16,) * 3), print, device=CPU
        )


@pytest.mark.parametrize("error", [ValueError("a bug"), RuntimeError("a bug"), Cancelled("stop")])
def test_other_failures_are_not_climbed_away_from(error):
    def fail(_setting):
        raise error

    with pytest.raises(type(error), match=str(error)):
        climb_down(fail, LADDER, print, device=GPU)


def test_what_a_failed_run_held_is_gone_before_the_next():
    held = []

    def run(_setting):
        if held:
            gc.collect()
            return held[0]() is None
        big = np.ones(1000)
        held.append(weakref.ref(big))
        raise MemoryError

    assert climb_down(run, LADDER, lambda _sentence: None, device=GPU)
