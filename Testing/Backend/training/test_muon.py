"""Muon: what it makes of a matrix, beside an SVD and beside torch's own for flat weights."""

import copy

import pytest
import torch

from atlastumor.networks import build_network
from atlastumor.training.muon import Muon, find_hidden, orthogonalize

SETTINGS = {"momentum": 0.9, "weight_decay": 0.01}


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def a_weight(*shape):
    return torch.nn.Parameter(noise(*shape, seed=1))


def take_steps(optimizer, weight, start, stop):
    for step in range(start, stop):
        weight.grad = noise(*weight.shape, seed=2 + step)
        optimizer.step()


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_directions_stay_and_lengths_become_about_one(shape):
    matrix = 1e-4 * noise(*shape)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)

    inner = left.T @ orthogonalize(matrix) @ right.T

    lengths = inner.diagonal()
    torch.testing.assert_close(inner, lengths.diag(), atol=1e-3, rtol=0)
    assert bool((lengths[values > 0.05 * values.norm()] > 0.65).all())
    assert float(lengths.max()) < 1.25


@pytest.mark.parametrize("shape", [(8, 40), (40, 8)])
def test_what_a_low_rank_leaves_out_stays_out(shape):
    matrix = noise(shape[0], 3) @ noise(3, shape[1], seed=1)

    lengths = torch.linalg.svdvals(orthogonalize(matrix))

    assert bool(((lengths[:3] > 0.65) & (lengths[:3] < 1.25)).all())
    assert float(lengths[3:].max()) < 0.05


def test_nothing_stays_nothing():
    assert not orthogonalize(torch.zeros(4, 6)).any()


@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
def test_flat_weights_move_as_torchs_own_moves_them(shape):
    ours, theirs = a_weight(*shape), a_weight(*shape)

    take_steps(Muon([ours], 0.1, **SETTINGS), ours, 0, 4)
    reference = torch.optim.Muon([theirs], 0.1, adjust_lr_fn="match_rms_adamw", **SETTINGS)
    take_steps(reference, theirs, 0, 4)

    moved = (theirs - a_weight(*shape)).norm()
    assert (ours - theirs).norm() < 0.02 * moved  # torch computes in bfloat16


def test_a_convolution_moves_as_the_matrix_of_its_outputs():
    kernel = torch.nn.Parameter(
        noise(4, 6, 3, 3, 3, seed=1).to(memory_format=torch.channels_last_3d)
    )
    matrix = torch.nn.Parameter(kernel.detach().flatten(1).clone())
    for step in range(3):
        kernel.grad = noise(*kernel.shape, seed=step).to(memory_format=torch.channels_last_3d)
        matrix.grad = kernel.grad.flatten(1)
        if step == 0:
            optimizers = [Muon([one], 0.1, **SETTINGS) for one in (kernel, matrix)]
        for optimizer in optimizers:
            optimizer.step()

    torch.testing.assert_close(kernel.flatten(1), matrix)


def test_a_saved_state_goes_on_as_if_never_saved():
    whole, parts = a_weight(6, 20), a_weight(6, 20)
    take_steps(Muon([whole], 0.1, **SETTINGS), whole, 0, 4)

    first = Muon([parts], 0.1, **SETTINGS)
    take_steps(first, parts, 0, 2)
    second = Muon([parts], 1.0, momentum=0.0, weight_decay=0.0)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    take_steps(second, parts, 2, 4)

    assert torch.equal(parts, whole)


def test_weights_without_a_gradient_stay():
    weight = a_weight(4, 6)

    Muon([weight], 0.1, **SETTINGS).step()

    assert torch.equal(weight, a_weight(4, 6))


def test_it_is_for_all_wide_convolutions_but_the_first():
    args = {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}
    network = build_network("segresnet", 3, args)
    hidden = {id(weight) for weight in find_hidden(network)}

    names = [name for name, weight in network.named_parameters() if id(weight) in hidden]

    assert names == [
        "down_layers.0.1.conv1.conv.weight",
        "down_layers.0.1.conv2.conv.weight",
        "down_layers.1.0.conv.weight",
        "down_layers.1.1.conv1.conv.weight",
        "down_layers.1.1.conv2.conv.weight",
        "up_layers.0.0.conv1.conv.weight",
        "up_layers.0.0.conv2.conv.weight",
    ]
