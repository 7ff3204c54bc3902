"""Networks that see blocks of voxels as channels."""

import pytest
import torch
from monai.networks.nets.segresnet import SegResNet

from atlastumor.errors import CardError
from atlastumor.networks import build_network, find_multiple, has_one_size
from atlastumor.networks.folding import Folded
from Backend.models.card_examples import small_args

SMALL = small_args("segresnet")


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_logits_have_the_windows_shape_and_sides_are_multiples_of_blocks(fold):
    args = {**SMALL, "fold": fold}
    i, j, k = find_multiple("segresnet", args)

    with torch.inference_mode():
        logits = build_network("segresnet", 5, args)(noise(2, 1, 2 * i, j, 3 * k))

    assert (i, j, k) == (4 * fold,) * 3
    assert logits.shape == (2, 5, 2 * i, j, 3 * k)


def test_blocks_of_one_voxel_are_the_network_as_it_was():
    torch.manual_seed(0)
    network = build_network("segresnet", 3, {**SMALL, "fold": 1})
    torch.manual_seed(0)
    plain = SegResNet(3, in_channels=1, out_channels=3, **SMALL).eval()
    x = noise(1, 1, 8, 8, 8)

    assert type(network) is SegResNet
    with torch.inference_mode():
        assert torch.equal(network(x), plain(x))


def test_every_voxel_comes_back_to_its_place():
    x = noise(2, 1, 6, 4, 8)

    assert torch.equal(Folded(torch.nn.Identity(), 2)(x), x)


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_what_moves_by_a_block_is_answered_a_block_further(axis):
    torch.manual_seed(0)
    core = torch.nn.Conv3d(8, 16, 3, padding=1, padding_mode="circular")
    network, x = Folded(core, 2), noise(1, 1, 8, 10, 12)

    with torch.inference_mode():
        moved = network(x.roll(2, axis))
        torch.testing.assert_close(moved, network(x).roll(2, axis))


def test_a_trace_serves_one_size_only_if_the_network_folds():
    assert has_one_size("segresnet", {"fold": 2})
    assert not has_one_size("segresnet", {"fold": 1})
    assert not has_one_size("segresnet", {})


@pytest.mark.parametrize("fold", [0, 5, 1.5, "2", True])
def test_blocks_of_no_use_are_named(fold):
    for ask in (build_network, lambda name, _, args: find_multiple(name, args)):
        with pytest.raises(CardError, match=r"fold must be a whole number from 1 to 4"):
            ask("segresnet", 2, {"fold": fold})
