"""How Swin UNETR merged patches before MONAI 1.5, and that it is a choice."""

import pytest
import torch
from monai.networks.nets.swin_unetr import PatchMerging

from atlastumor.models.weights import fit_weights
from atlastumor.networks import build_network
from atlastumor.networks.patch_merging import LegacyPatchMerging

# The corners in the order of their channels, as read in MONAI 1.4; 010 and 001 come twice.
OLD_ORDER = "000 100 010 001 101 010 001 111"
SMALL = {"feature_size": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4]}


def merged(layer, x):
    """What a merging concatenates: its linear layer passes the first channels, its norm all."""
    layer.norm = torch.nn.Identity()
    layer.reduction = torch.nn.Identity()
    with torch.inference_mode():
        return layer(x)


def corners(i, j, k):
    """Tokens of one channel that say which corner of their cell they are."""
    a, b, c = torch.meshgrid(
        torch.arange(i) % 2, torch.arange(j) % 2, torch.arange(k) % 2, indexing="ij"
    )
    return (100 * a + 10 * b + c)[None, ..., None].float()


def test_corners_come_in_the_old_order():
    found = merged(LegacyPatchMerging(1), corners(4, 6, 2))

    assert found.shape == (1, 2, 3, 1, 8)
    assert {" ".join(f"{int(n):03d}" for n in cell) for cell in found.reshape(-1, 8)} == {OLD_ORDER}


def test_monai_visits_every_corner_once_today():
    found = merged(PatchMerging(1), corners(2, 2, 2)).flatten().tolist()

    assert sorted(found) == [0, 1, 10, 11, 100, 101, 110, 111]


def test_odd_sides_are_filled_up_with_zeros():
    found = merged(LegacyPatchMerging(1), torch.ones(1, 3, 2, 1, 1))

    assert found.shape == (1, 2, 1, 1, 8)
    assert found[0, 1, 0, 0].tolist() == [1, 0, 1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("use_v2", [False, True])
def test_the_same_weights_fit_both_and_mean_something_else(use_v2):
    torch.manual_seed(0)
    old = build_network("swin_unetr", 2, {**SMALL, "use_v2": use_v2, "legacy_merging": True})
    new = build_network("swin_unetr", 2, {**SMALL, "use_v2": use_v2})
    fit_weights(new, old.state_dict())
    x = torch.randn(1, 1, 32, 64, 32)

    with torch.inference_mode():
        assert (old(x) - new(x)).abs().max() > 0.01
    assert sum(isinstance(m, LegacyPatchMerging) for m in old.modules()) == 4
