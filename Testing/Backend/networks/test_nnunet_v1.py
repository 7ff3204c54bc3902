"""nnU-Net v1's networks: its tensors under v2's names give what it gave."""

import pytest
import torch

from atlastumor.errors import WeightsError
from atlastumor.models.weights import fit_weights
from atlastumor.networks import adapt_tensors, build_network
from Backend.networks import nnunet_v1 as v1


def window():
    return torch.randn((1, 1, 4, 16, 16), generator=torch.Generator().manual_seed(5))


def mock_generic():
    args = v1.GENERIC_ARGS
    return v1.generic_state(args["features_per_stage"], args["kernel_sizes"], args["strides"], 3)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_version_1_file_gives_what_version_1_gave(prefix):
    args, state = v1.GENERIC_ARGS, mock_generic()
    network = build_network("generic_unet", 3, args)

    named = {prefix + name: tensor for name, tensor in state.items()}
    fit_weights(network, adapt_tensors("generic_unet", named, args))

    with torch.inference_mode():
        expected = v1.run_generic(state, window(), args["strides"])
        torch.testing.assert_close(network(window()), expected)


@pytest.mark.parametrize(
    ("bias", "last"),
    [
        (True, "decoder.segmentation_output"),
        (False, "decoder.deep_supervision_outputs.1"),
    ],
    ids=["nnU-Net v1", "MultiTalent"],
)
def test_a_residual_version_1_file_gives_what_version_1_gave(bias, last):
    args = v1.RESIDUAL_ARGS
    state = v1.residual_state(args, bias=bias, last=last)
    network = build_network("resenc_unet_v1", 3, args)

    fit_weights(network, adapt_tensors("resenc_unet_v1", state, args))

    with torch.inference_mode():
        expected = v1.run_residual(state, window(), args, last)
        torch.testing.assert_close(network(window()), expected)


def test_a_version_1_file_that_differs_is_refused_by_name():
    args, state = v1.GENERIC_ARGS, mock_generic()
    del state["tu.1.weight"]
    state["tu.0.weight"] = state["tu.0.weight"][:, :4]
    state["classifier.weight"] = torch.zeros(2)
    network = build_network("generic_unet", 3, args)

    with pytest.raises(WeightsError) as refused:
        fit_weights(network, adapt_tensors("generic_unet", state, args))

    said = str(refused.value)
    assert "classifier.weight" in said
    assert "decoder.transpconvs.1.weight" in said
    assert "decoder.transpconvs.0.weight" in said
