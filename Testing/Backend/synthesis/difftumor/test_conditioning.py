"""What the denoiser is shown: window, hole, codebook scale, mask, axes."""

import pytest
import torch

from atlastumor.synthesis.difftumor.autoencoder import Autoencoder
from atlastumor.synthesis.difftumor.conditioning import (
    LatentScale,
    make_condition,
    open_window,
    punch_hole,
    to_hounsfield,
    to_network_axes,
    to_volume_axes,
)


@pytest.fixture(scope="module")
def autoencoder():
    torch.manual_seed(1)
    return Autoencoder(n_codes=40).eval()


def test_the_window_is_minus_175_to_250_and_clips():
    hu = torch.tensor([-1000.0, -175.0, 37.5, 250.0, 3000.0])

    assert open_window(hu).tolist() == [-1, -1, 0, 1, 1]


def test_densities_come_back_and_stay_in_the_window():
    hu = torch.tensor([-175.0, -20.0, 37.5, 250.0])

    torch.testing.assert_close(to_hounsfield(open_window(hu)), hu)
    assert to_hounsfield(torch.tensor([-3.0, 3.0])).tolist() == [-175, 250]


def test_the_hole_is_the_middle_of_the_window_and_not_black():
    values = torch.tensor([-1.0, -1.0, 0.5, 0.5])
    mask = torch.tensor([1.0, 0.0, 1.0, 0.0])

    holed = punch_hole(values, mask)

    assert holed.tolist() == [0, -1, 0, 0.5]
    assert to_hounsfield(holed[0]).item() == 37.5


def test_the_axes_go_round_on_an_asymmetric_volume():
    volume = torch.arange(2 * 3 * 5 * 7).view(1, 2, 3, 5, 7)

    turned = to_network_axes(volume)

    assert turned.shape == (1, 2, 7, 3, 5)  # z first, then x and y
    assert turned[0, 1, 6, 2, 4] == volume[0, 1, 2, 4, 6]
    assert turned[0, 0, 1, 2, 3] == volume[0, 0, 2, 3, 1]
    assert torch.equal(to_volume_axes(turned), volume)


def test_the_scale_is_the_whole_codebooks_smallest_and_largest_value(autoencoder):
    codes = autoencoder.codebook.embeddings
    scale = LatentScale.of(autoencoder)

    assert (scale.low, scale.high) == (codes.min().item(), codes.max().item())
    normal = scale.normalize(codes)
    assert normal.min().item() == pytest.approx(-1)
    assert normal.max().item() == pytest.approx(1)
    torch.testing.assert_close(scale.restore(normal), codes)


def test_scaling_by_hand():
    scale = LatentScale(-3.0, 5.0)

    assert scale.normalize(torch.tensor([-3.0, 1.0, 5.0, 9.0])).tolist() == [-1, 0, 1, 2]
    assert scale.restore(torch.tensor([-1.0, 0.5])).tolist() == [-3, 3]


def test_the_condition_is_the_latent_of_the_holed_scan_and_the_mask(autoencoder):
    values = torch.rand(1, 1, 12, 16, 8, generator=torch.Generator().manual_seed(2)) * 2 - 1
    mask = torch.zeros(1, 1, 12, 16, 8)
    mask[..., 4:9, 0:5, 4] = 1

    with torch.inference_mode():
        cond = make_condition(autoencoder, values, mask)
        holed = autoencoder.encode(torch.where(mask == 1, torch.zeros(()), values))

    assert cond.shape == (1, 9, 3, 4, 2)
    low, high = autoencoder.codebook.embeddings.min(), autoencoder.codebook.embeddings.max()
    torch.testing.assert_close(cond[:, :8], 2 * (holed - low) / (high - low) - 1)
    expected = torch.full((3, 4, 2), -1.0)
    expected[1:3, 0:2, 1] = 1  # every fourth voxel: 4 and 8, 0 and 4, 4
    assert torch.equal(cond[0, 8], expected)


def test_what_lies_in_the_hole_is_not_seen(autoencoder):
    generator = torch.Generator().manual_seed(3)
    values = torch.rand(1, 1, 8, 8, 8, generator=generator) * 2 - 1
    mask = torch.zeros(1, 1, 8, 8, 8)
    mask[..., 2:6, 2:6, 2:6] = 1
    other = torch.where(mask == 1, -values, values)

    with torch.inference_mode():
        assert torch.equal(
            make_condition(autoencoder, values, mask), make_condition(autoencoder, other, mask)
        )
