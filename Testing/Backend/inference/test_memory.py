"""Memory: limits of containers count, peaks are seen, needs are foreseen."""

import math
from dataclasses import replace

import numpy as np
import psutil
import pytest
import torch

from atlastumor.errors import InputError
from atlastumor.inference.cgroups import read_limits
from atlastumor.inference.device import choose_device
from atlastumor.inference.memory import (
    available_host_bytes,
    choose_batch,
    estimate,
    is_out_of_memory,
    total_host_bytes,
    window_bytes,
)
from atlastumor.inference.peaks import PeakDeviceMemory, PeakMemory
from atlastumor.models.card import parse_card
from atlastumor.networks import NETWORKS, find_multiple
from atlastumor.networks.work import measure_work
from atlastumor.volume import Grid
from Backend.models.card_examples import card_data, small_args

CPU = choose_device("cpu")
GPU = replace(CPU, name="cuda:0", kind="cuda", free_bytes=8 << 30, total_bytes=8 << 30)
CARD = parse_card(card_data())


def grid(n_slices=100):
    return Grid((200, 160, n_slices), np.diag([1.5, 1.5, 2.0, 1.0]))


def foresee(card=CARD, device=CPU, n_slices=100, precision="fp32", **options):
    return estimate(card, grid(n_slices), device, "torch", precision, **options)


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


def test_a_peak_is_seen_though_it_is_gone_at_the_end():
    with PeakMemory(interval_s=0.005) as memory:
        before = memory.bytes
        block = np.ones(60_000_000, np.uint8)
        memory.bytes  # noqa: B018 - looks at once, so that the test does not hang on the clock
        del block
        peak = memory.stop()

    assert peak >= before + 55_000_000
    assert memory.stop() == peak


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


def test_windows_are_counted_by_hand():
    # Patch (32, 48, 16), half overlap, on 200 x 160 x 100 voxels of the card's own spacing:
    # ceil(168 / 16) + 1 = 12, ceil(112 / 24) + 1 = 6, ceil(84 / 8) + 1 = 12.
    assert foresee().n_windows == 12 * 6 * 12


def test_time_grows_with_windows_and_mirrored_passes():
    once, twice = foresee(seconds_per_window=2.0), foresee(seconds_per_window=2.0, mirror=True)
    overhead = once.seconds - 2.0 * once.n_windows

    assert 0 < overhead < 2
    assert twice.seconds - overhead == pytest.approx(2 * 2.0 * once.n_windows)


def test_memory_grows_with_length_by_no_more_than_the_arrays_that_do():
    short, long_ = foresee(n_slices=100), foresee(n_slices=200)
    per_slice = (long_.host_bytes - short.host_bytes) / 100

    assert per_slice == 200 * 160 * (7 + 4 + 2)


def test_maps_at_the_scans_voxels_take_two_bytes_each():
    extra = foresee(fine=True).host_bytes - foresee().host_bytes

    assert extra == 200 * 160 * 100 * 2


def test_half_precision_windows_take_half():
    assert window_bytes(CARD, "bf16") * 2 == window_bytes(CARD, "fp32")


def test_a_gpu_carries_the_network_and_has_no_speed_until_measured():
    on_gpu, on_cpu = foresee(device=GPU), foresee()

    assert on_gpu.device_bytes > 0
    assert on_cpu.device_bytes == 0
    assert math.isnan(on_gpu.seconds)
    assert foresee(device=GPU, seconds_per_window=0.01).seconds < 60


def test_the_batch_is_what_fits_and_one_on_a_cpu():
    need = window_bytes(CARD, "fp32")

    assert choose_batch(CARD, CPU, "fp32") == 1
    assert choose_batch(CARD, replace(GPU, free_bytes=6 * need), "fp32") == 3
    assert choose_batch(CARD, replace(GPU, free_bytes=need), "fp32") == 1
    assert choose_batch(CARD, replace(GPU, free_bytes=10**12), "fp32") == 8


def test_an_ensemble_takes_the_time_of_its_members_and_the_window_of_one():
    inner = {"network": CARD.network.name, "args": CARD.network.args}
    one = replace(CARD.network, name="ensemble", args={**inner, "members": 1})
    three = replace(CARD.network, name="ensemble", args={**inner, "members": 3})
    alone, triple = replace(CARD, network=one), replace(CARD, network=three)
    overhead = foresee(seconds_per_window=0.0).seconds

    assert foresee(alone).seconds == pytest.approx(foresee().seconds)
    assert foresee(triple).seconds - overhead == pytest.approx(3 * (foresee().seconds - overhead))
    assert window_bytes(triple, "fp32") < 1.5 * window_bytes(CARD, "fp32")


def with_network(name, *, times=1):
    """A card of a small network of that name; its window so many times as long."""
    args = small_args(name)
    i, j, k = (2 * m for m in find_multiple(name, args))
    window = (i, j, times * k)
    if "img_size" in args:
        args["img_size"] = list(window)
    return replace(
        CARD,
        network=replace(CARD.network, name=name, args=args),
        inference=replace(CARD.inference, patch=window),
    )


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_work_of_every_architecture_is_foreseen(name):
    card, longer = with_network(name), with_network(name, times=2)

    voxels = math.prod(card.inference.patch)
    assert foresee(card).seconds > 0
    assert window_bytes(card, "fp32") > 4 * voxels * (1 + len(card.outputs))
    assert 1.7 < window_bytes(longer, "fp32") / window_bytes(card, "fp32") < 2.3


def test_the_operations_of_a_small_network_are_those_counted_by_hand():
    args = {"features_per_stage": [4, 8], "kernel_sizes": [[3, 3, 3]] * 2}
    args |= {"strides": [[1, 1, 1], [2, 2, 2]], "n_conv_per_stage": [1, 1]}
    args |= {"n_conv_per_stage_decoder": [1]}
    fine, coarse = 16**3, 8**3

    work = measure_work("plain_unet", 3, args, (16, 16, 16))

    # Into 4 channels, from 4 into 8, back up by 2 x 2 x 2, from 8 into 4, and the outputs.
    by_hand = 27 * 1 * 4 * fine + 27 * 4 * 8 * coarse + 8 * 4 * fine
    by_hand += 27 * 8 * 4 * fine + 4 * 3 * fine
    assert work.operations == 2 * by_hand
    # While the last level is normalized live: the window, the skip, both joined channels, what the
    # convolution made, what the normalization makes, and the coarse level.
    by_hand = 4 * ((1 + 4 + 8 + 4 + 4) * fine + 8 * coarse)
    assert work.bytes == pytest.approx(by_hand, rel=1e-3)  # and a few means and deviations


def test_windows_laid_in_steps_are_counted_as_such():
    stepped = replace(CARD, inference=replace(CARD.inference, windows="stepped", overlap=0.3))

    # Steps of int(0.7 * 32) = 22, int(0.7 * 48) = 33 and int(0.7 * 16) = 11 voxels.
    assert foresee(stepped).n_windows == 9 * 5 * 9
