"""A network with turned kernels answers a turned image with the turned answer."""

import pytest
import torch

from atlastumor.errors import InputError
from atlastumor.models.importing.axes import find_axes


@pytest.mark.parametrize("forward", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_turned_kernels_answer_a_turned_image_alike(forward):
    torch.manual_seed(3)
    axes = find_axes(forward)
    image = torch.randn(7, 9, 11)  # (i, j, k)
    theirs = image.permute(2, 1, 0).permute(forward)  # as nnU-Net reads and transposes it
    conv = torch.nn.Conv3d(1, 2, (1, 3, 5), stride=(1, 2, 1), padding=(0, 1, 2))
    ours = torch.nn.Conv3d(
        1,
        2,
        tuple(axes.turn(conv.kernel_size)),
        stride=tuple(axes.turn(conv.stride)),
        padding=tuple(axes.turn(conv.padding)),
    )
    ours.load_state_dict(axes.turn_tensors(conv.state_dict()))

    with torch.inference_mode():
        wanted, got = conv(theirs[None, None])[0], ours(image[None, None])[0]

    back = [1 + axes.order[n] for n in range(3)]
    torch.testing.assert_close(got, wanted.permute(0, *back))


def test_axes_that_are_mirrored_are_renamed():
    axes = find_axes((1, 0, 2))  # the network's axes are j, k, i

    assert axes.turn(["j", "k", "i"]) == ["i", "j", "k"]
    assert axes.turn_axes([0, 2]) == [0, 1]


@pytest.mark.parametrize("forward", [[0, 0, 1], [0, 1], [0.5, 1, 2], []])
def test_what_is_no_permutation_is_refused(forward):
    with pytest.raises(InputError, match="no permutation of 0, 1 and 2"):
        find_axes(forward)
