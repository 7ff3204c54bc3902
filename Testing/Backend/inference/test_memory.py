"""Memory: limits of containers count, peaks are seen, its end is told from other failures."""

import subprocess
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
import torch

from atlastumor.errors import InputError
from atlastumor.inference.cgroups import read_limits
from atlastumor.inference.device import choose_device
from atlastumor.inference.memory import (
    available_host_bytes,
    is_out_of_memory,
    total_host_bytes,
)
from atlastumor.inference.peaks import PeakDeviceMemory, PeakMemory

CPU = choose_device("cpu")
GPU = replace(CPU, name="cuda:0", kind="cuda", free_bytes=8 << 30, total_bytes=8 << 30)


def write_group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_available_memory_is_real_and_within_the_total():
    assert 0 < available_host_bytes() <= total_host_bytes() <= psutil.virtual_memory().total


def test_limits_of_version_2_are_read_up_the_tree(tmp_path):
    write_group(tmp_path / "cg", memory__max="9000\n", memory__current="100\n")
    write_group(tmp_path / "cg/a", memory__max="max\n", memory__current="90\n")
    write_group(
        tmp_path / "cg/a/b",
        memory__max="5000",
        memory__current="3000",
        memory__stat="anon 1000\ninactive_file 500\n",
    )
    (tmp_path / "self").write_text("0::/a/b\n")

    assert read_limits(tmp_path / "cg", tmp_path / "self") == [(5000, 2500), (9000, 100)]


def test_limits_of_version_1_are_read_from_the_memory_tree(tmp_path):
    write_group(
        tmp_path / "cg/memory/job",
        memory__limit_in_bytes="4000",
        memory__usage_in_bytes="1500",
        memory__stat="inactive_file 1\ntotal_inactive_file 200\n",
    )
    (tmp_path / "self").write_text("8:pids:/job\n4:memory:/job\n0::/\n")

    assert read_limits(tmp_path / "cg", tmp_path / "self") == [(4000, 1300)]


def test_no_control_groups_mean_no_limits(tmp_path):
    assert read_limits(tmp_path, tmp_path / "absent") == []


WATCHED = """
import numpy as np
from atlastumor.inference.peaks import PeakMemory

with PeakMemory(interval_s=0.005) as memory:
    before = memory.bytes
    block = np.ones(60_000_000, np.uint8)
    memory.bytes  # looks at once, so that the test does not hang on the clock
    del block
    peak = memory.stop()
print(peak - before, memory.stop() - peak)
"""


def test_a_peak_is_seen_though_it_is_gone_at_the_end():
    # In a process of its own: what earlier tests left behind may go away at any moment in this one.
    told = subprocess.run(
        [sys.executable, "-c", WATCHED], check=True, capture_output=True, text=True
    )
    rise, afterwards = map(int, told.stdout.split())

    assert rise >= 55_000_000
    assert afterwards == 0


def test_a_look_that_comes_late_does_not_undo_a_higher_peak(monkeypatch):
    """The watching thread looks first, is held up, and answers after the test has seen more."""
    begun, go_on = threading.Event(), threading.Event()
    told = iter([0, 900, 50])

    def look(_process):
        if threading.current_thread().name != "peak-memory":
            return SimpleNamespace(rss=next(told))
        begun.set()
        go_on.wait(10)
        return SimpleNamespace(rss=100)

    monkeypatch.setattr(psutil.Process, "memory_info", look)
    memory = PeakMemory(interval_s=0.001)
    assert begun.wait(10)
    threading.Timer(0.1, go_on.set).start()

    assert memory.bytes == 900
    assert memory.stop() == 900


class PretendGpu:
    """Counts as torch does: the peak stays until it is set back to what is held."""

    def __init__(self, monkeypatch):
        self.held = self.peak = 0
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _name: self.peak)
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", self.forget)

    def forget(self, name):
        assert name == "cuda:1"
        self.peak = self.held

    def use(self, more):
        self.peak = max(self.peak, self.held + more)


def test_the_peak_on_a_gpu_is_that_of_one_run_and_not_of_those_before(monkeypatch):
    gpu, device = PretendGpu(monkeypatch), replace(GPU, name="cuda:1")
    gpu.held = 30  # the network

    first = PeakDeviceMemory(device)
    gpu.use(500)
    assert first.bytes == 530
    second = PeakDeviceMemory(device)
    gpu.use(70)

    assert second.bytes == 100


def test_a_cpu_has_no_device_memory():
    assert PeakDeviceMemory(CPU).bytes is None


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("shape mismatch"), False),
        (InputError("the file says: out of memory"), False),
    ],
)
def test_running_out_of_memory_is_told_from_other_failures(error, is_one):
    assert is_out_of_memory(error) is is_one


def test_what_torch_really_raises_is_recognized():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(10**15)

    assert is_out_of_memory(raised.value)
