"""Time and memory of a run are foreseen."""

import math
from dataclasses import replace

import numpy as np
import pytest

from atlastumor.inference.device import choose_device
from atlastumor.inference.estimating import choose_batch, count_apart, estimate, window_bytes
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


@pytest.mark.parametrize(("sums", "is_compared"), [("float16", False), ("float32", True)])
def test_folds_that_are_summed_each_by_itself_take_the_sums_and_logits_of_all(sums, is_compared):
    args = {"network": CARD.network.name, "args": CARD.network.args, "members": 5}
    ensemble = replace(CARD, network=replace(CARD.network, name="ensemble", args=args))
    own = replace(ensemble, inference=replace(CARD.inference, sums=sums))
    together = replace(ensemble, inference=replace(CARD.inference, sums="float32"))
    i, j, k = CARD.inference.patch
    n_outputs = len(CARD.outputs)

    assert (count_apart(own, is_compared=is_compared), count_apart(together)) == (5, 1)
    more = window_bytes(own, "fp32", is_compared=is_compared) - window_bytes(together, "fp32")
    assert more == 4 * (5 - 1) * n_outputs * i * j * k
    at_once, one = foresee(own, is_compared=is_compared), foresee(together)
    each = (2 if sums == "float16" else 4) * (n_outputs + 1) * 200 * 160 * k
    assert (
        at_once.host_bytes - one.host_bytes >= more + 5 * each - 4 * (n_outputs + 1) * 200 * 160 * k
    )


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
