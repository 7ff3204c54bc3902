"""The contract of every architecture: shapes, the same answer twice, names of weights that stay."""

import pytest
import torch

from atlastumor.errors import CardError
from atlastumor.networks import NETWORKS, build_network, find_multiple, has_one_size
from atlastumor.networks.resenc_unet import RESENC_M
from atlastumor.networks.shapes import list_shapes
from Backend.models.card_examples import small_args


@pytest.fixture(params=sorted(NETWORKS))
def name(request):
    return request.param


def windows(name, n, times=(2, 2, 2)):
    """Noise of some multiples along each axis; of few where the multiple is large."""
    multiple = find_multiple(name, small_args(name))
    if name == "unetr":  # takes one size alone
        times = (1, 1, 1)
    elif max(multiple) > 16:
        times = (1, 2, 1)
    shape = [m * t for m, t in zip(multiple, times, strict=True)]
    return torch.randn((n, 1, *shape), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("odd", [(3, 5, 7), (2, 3, 2)])
def test_logits_have_the_windows_shape_for_odd_multiples(name, odd):
    x = windows(name, 1, odd)

    with torch.inference_mode():
        logits = build_network(name, 5, small_args(name))(x)

    assert logits.shape == (1, 5, *x.shape[2:])


def test_evaluation_gives_the_same_answer_twice(name):
    network = build_network(name, 2, small_args(name))
    x = windows(name, 1)

    with torch.inference_mode():
        assert torch.equal(network(x), network(x))
    assert not network.training


def test_a_window_does_not_depend_on_the_others_of_its_batch(name):
    torch.manual_seed(0)
    network = build_network(name, 2, small_args(name))
    x = windows(name, 2)

    with torch.inference_mode():
        torch.testing.assert_close(network(x)[:1], network(x[:1]), atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")  # tracing warns of every shape that is looked at
@pytest.mark.parametrize(
    "name", [name for name in sorted(NETWORKS) if not has_one_size(name, small_args(name))]
)
def test_a_trace_serves_windows_of_other_sizes_unless_the_network_says_no(name):
    args = small_args(name)
    torch.manual_seed(0)
    network = build_network(name, 2, args)
    x = windows(name, 1, (3, 4, 2))

    with torch.inference_mode():
        traced = torch.jit.trace(network, windows(name, 1), check_trace=False)
        torch.testing.assert_close(traced(x), network(x), atol=1e-4, rtol=1e-4)


NAMES = {
    "dynunet": ["input_block.conv1.conv.weight", "skip_layers.downsample.conv1.conv.weight"],
    "swin_unetr": ["swinViT.layers1.0.downsample.reduction.weight", "out.conv.conv.bias"],
    "unet": ["model.0.conv.unit0.conv.weight", "model.2.1.conv.unit0.conv.bias"],
    "unetr": ["vit.patch_embedding.position_embeddings", "encoder1.layer.conv3.conv.weight"],
    "universal": ["backbone.swinViT.patch_embed.proj.weight", "organ_embedding", "GAP.3.bias"],
    "segresnet_ds": ["encoder.layers.4.blocks.3.conv2.weight", "up_layers.3.head.bias"],
    "generic_unet": [
        "encoder.stages.0.0.convs.0.conv.weight",
        "decoder.stages.4.convs.1.norm.bias",
        "decoder.transpconvs.4.weight",
        "decoder.seg_layers.4.weight",
    ],
    "medformer": [
        "inc.conv1.weight",
        "down1.patch_merging.reduction.depthwise.weight",
        "down4.trans_blocks.blocks.5.feedforward.se.excitation.0.bias",
        "map_fusion.fusion.layers.1.0.fn.to_qkv.weight",
        "up1.map_reduction.weight",
        "up3.conv_blocks.0.shortcut.conv.weight",
        "outc.weight",
    ],
    "plain_unet": [
        "encoder.stages.0.0.convs.0.all_modules.0.weight",
        "encoder.stages.5.0.convs.1.norm.bias",
        "decoder.encoder.stages.0.0.convs.0.conv.weight",
        "decoder.transpconvs.0.bias",
        "decoder.stages.4.convs.1.conv.weight",
        "decoder.seg_layers.4.weight",
    ],
    "resenc_unet_v1": [
        "encoder.stem.convs.0.conv.weight",
        "encoder.stages.5.blocks.0.skip.0.conv.weight",
        "decoder.seg_layers.4.weight",
    ],
    "resenc_unet": [
        "encoder.stem.convs.0.conv.weight",
        "encoder.stages.5.blocks.5.conv2.norm.bias",
        "encoder.stages.1.blocks.0.skip.1.conv.weight",
        "decoder.encoder.stages.0.blocks.0.conv1.conv.weight",
        "decoder.transpconvs.4.weight",
        "decoder.stages.4.convs.0.conv.weight",
        "decoder.seg_layers.4.weight",
    ],
    "segresnet": [
        "convInit.conv.weight",
        "down_layers.3.4.conv2.conv.weight",
        "up_samples.0.0.conv.weight",
        "conv_final.2.conv.weight",
    ],
    "stunet": [
        "conv_blocks_context.0.0.conv3.weight",
        "upsample_layers.4.conv.weight",
        "conv_blocks_localization.4.0.norm2.bias",
        "seg_outputs.4.bias",
    ],
}
N_NAMES = {
    "dynunet": 46,
    "swin_unetr": 159,
    "unet": 63,
    "unetr": 170,
    "universal": 170,
    "segresnet_ds": 113,
    "generic_unet": 292,
    "medformer": 298,
    "plain_unet": 292,
    "resenc_unet": 956,
    "resenc_unet_v1": 968,
    "segresnet": 83,
    "stunet": 130,
}


# These have no default; test_ensemble.py and test_dints.py look at their names.
@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"ensemble", "dints"}))
def test_the_names_of_the_weights_stay(name):
    shapes = list_shapes(lambda: build_network(name, 9, {}))

    assert set(NAMES[name]) <= set(shapes)
    assert len(shapes) == N_NAMES[name]


def test_the_defaults_are_nnunets_medium_plan():
    with torch.device("meta"):
        network = build_network("resenc_unet", 2, {})

    assert find_multiple("resenc_unet", {}) == (32, 32, 32)
    assert RESENC_M["n_blocks_per_stage"] == [1, 3, 4, 6, 6, 6]
    assert sum(p.numel() for p in network.parameters()) == 102_349_770


def test_strides_set_the_multiple():
    strides = [[1, 1, 1], *[[2, 2, 2]] * 4, [1, 2, 2]]

    assert find_multiple("resenc_unet", {"strides": strides}) == (16, 32, 32)


def test_an_unknown_network_lists_the_known_ones():
    with pytest.raises(CardError, match=r"plain_unet, .*resenc_unet, .*segresnet"):
        build_network("transformer", 2, {})


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("segresnet", {"init_filter": 8}, "network.args.init_filter is not known"),
        ("segresnet", {"init_filters": 10**9}, "init_filters must be a whole number from 1 to 128"),
        ("segresnet", {"init_filters": True}, "must be a whole number"),
        ("segresnet", {"init_filters": 12}, "multiple of 8"),
        ("segresnet", {"filters": [32, 64, 100, 128]}, "filters must be a multiple of 8"),
        ("segresnet", {"filters": [32, 64]}, "filters must be a list of 4 items"),
        ("segresnet", {"filters": [32] * 4, "init_filters": 32}, "filters, not both"),
        ("segresnet", {"blocks_up": [1]}, "blocks_up must be a list of 3 items"),
        ("segresnet", {"norm": "layer"}, "norm must be one of batch, group, instance"),
        (
            "resenc_unet",
            {"features_per_stage": [32]},
            "features_per_stage must be a list of 2 to 10",
        ),
        ("resenc_unet", {"features_per_stage": [32] * 5}, "kernel_sizes must be a list of 5"),
        ("resenc_unet", {"strides": [[1, 1]] * 6}, r"strides\[0\] must be a list of 3"),
        ("resenc_unet", {"n_blocks_per_stage": [99] * 6}, r"n_blocks_per_stage\[0\] must be"),
        ("resenc_unet", {"conv_op": "os.system"}, r"conv_op must be one of torch\.nn\.Conv3d"),
    ],
)
def test_arguments_that_make_no_network_are_named(name, args, said):
    with pytest.raises(CardError, match=said):
        build_network(name, 2, args)
