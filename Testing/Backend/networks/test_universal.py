"""The Universal Model: its head written out anew, published layouts, and names by order."""

import re

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from atlastumor.errors import CardError, WeightsError
from atlastumor.models.weights import fit_weights
from atlastumor.networks import adapt_tensors, build_network, find_multiple, has_one_size
from atlastumor.networks.genesis_unet import GenesisUnet
from atlastumor.networks.shapes import list_shapes
from atlastumor.networks.universal_model import find_swin_features

SWIN = {"feature_size": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4]}
SMALL = {
    "swin_unetr": {"backbone": "swin_unetr", "backbone_args": SWIN, "num_groups": 4},
    "unet": {"backbone": "unet", "backbone_args": {"base": 4}, "num_groups": 4},
}
SHAPES = {"swin_unetr": (64, 32, 32), "unet": (16, 8, 24)}
N_CLASSES = 5


@pytest.fixture(params=["swin_unetr", "unet"])
def backbone(request):
    return request.param


def network_of(backbone, seed=6):
    torch.manual_seed(seed)
    network = build_network("universal", N_CLASSES, SMALL[backbone])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network


def window(backbone, n=1):
    return torch.randn((n, 1, *SHAPES[backbone]), generator=torch.Generator().manual_seed(2))


def published(state):
    """The file's names: `module.` before all, and none before the backbone's."""
    return {f"module.{name.removeprefix('backbone.')}": tensor for name, tensor in state.items()}


def in_order(state):
    """Names that say no more than what a tensor is for."""
    return {
        "head.organ_embedding" if "embedding" in name else f"{n}.{name.rpartition('.')[2]}": tensor
        for n, (name, tensor) in enumerate(state.items())
    }


def written_out(state, fine, deep):
    """Logits of every class by itself from the description of the head, one window."""

    def normalized(x, name):
        x = F.group_norm(x, 4, state[f"{name}.weight"], state[f"{name}.bias"]).clamp(min=0)
        return x[0].flatten(1)

    def linear(x, name):
        weight = state[f"{name}.weight"].flatten(1)
        return weight @ x + state[f"{name}.bias"].reshape(-1, *[1] * (x.ndim - 1))

    seen = linear(normalized(deep, "GAP.0").mean(1), "GAP.3")
    points = linear(normalized(fine, "precls_conv.0"), "precls_conv.2")
    logits = []
    for embedding in state["organ_embedding"]:
        text = linear(embedding, "text_to_vision").clamp(min=0)
        numbers = linear(torch.cat([seen, text]), "controller")
        assert numbers.shape == (153,)
        first, second, third = numbers[:64].view(8, 8), numbers[64:128].view(8, 8), numbers[128:136]
        b1, b2, b3 = numbers[136:144], numbers[144:152], numbers[152]
        y = (first @ points + b1[:, None]).clamp(min=0)
        y = (second @ y + b2[:, None]).clamp(min=0)
        logits.append(third @ y + b3)
    return torch.stack(logits).reshape(1, -1, *fine.shape[2:])


def features_of(network, backbone, x):
    if backbone == "swin_unetr":
        return find_swin_features(network.backbone, x)
    return network.backbone.find_features(x)


def test_the_head_is_what_is_described(backbone):
    network, x = network_of(backbone), window(backbone)

    with torch.inference_mode():
        fine, deep = features_of(network, backbone, x)
        expected = written_out(network.state_dict(), fine, deep)
        found = network(x)

    assert found.shape == (1, N_CLASSES, *SHAPES[backbone])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_features_are_those_that_monais_swin_unetr_computes():
    torch.manual_seed(0)
    swin = build_network("swin_unetr", 2, SWIN)
    seen = {}
    for name in ("encoder10", "decoder1"):
        getattr(swin, name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output})
        )
    x = window("swin_unetr")

    with torch.inference_mode():
        swin(x)
        expected = seen["decoder1"].clone(), seen["encoder10"].clone()
        fine, deep = find_swin_features(swin, x)

    assert torch.equal(fine, expected[0])
    assert torch.equal(deep, expected[1])


def test_stored_statistics_do_not_matter_and_each_window_has_its_own():
    unet = GenesisUnet(base=4).eval()
    x = window("unet", 2)
    with torch.inference_mode():
        before = [feature.clone() for feature in unet.find_features(x)]
        for name, buffer in unet.named_buffers():
            if "running" in name:
                buffer.fill_(9)
        for n in (0, 1):
            torch.testing.assert_close(unet.find_features(x[n : n + 1])[0], before[0][n : n + 1])


@pytest.mark.parametrize(
    ("backbone", "n_keys", "millions"), [("swin_unetr", 170, 62.6), ("unet", 117, 19.4)]
)
def test_the_published_size(backbone, n_keys, millions):
    args = {"backbone": backbone}
    file, adapted = {}, {}

    def build():
        network = build_network("universal", 32, args)
        file.update(published(network.state_dict()))
        adapted.update(adapt_tensors("universal", file, args))
        n = sum(parameter.numel() for parameter in network.parameters())
        assert n == pytest.approx(millions * 1e6, abs=0.05e6)
        return network

    ours = list_shapes(build)

    assert len(file) == n_keys
    assert tuple(file["module.organ_embedding"].shape) == (32, 512)
    assert tuple(file["module.controller.weight"].shape) == (153, 512, 1, 1, 1)
    assert {name: tuple(tensor.shape) for name, tensor in adapted.items()} == ours
    root = "module.swinViT.patch_embed.proj.weight"
    assert (root if backbone == "swin_unetr" else "module.down_tr64.ops.0.bn1.weight") in file


@pytest.mark.parametrize("disguise", [published, in_order, lambda state: state])
def test_a_published_file_computes_the_same(backbone, disguise):
    reference = network_of(backbone)
    network = network_of(backbone, seed=7)

    file = disguise(reference.state_dict())
    fit_weights(network, adapt_tensors("universal", file, SMALL[backbone]))

    with torch.inference_mode():
        assert torch.equal(network(window(backbone)), reference(window(backbone)))


@pytest.mark.parametrize("disguise", [published, in_order])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file, name: file.pop(name), "missing"),
        (lambda file, name: file.update({f"{name}.more": file[name]}), "unknown"),
        (lambda file, name: file.update({name: file[name][..., None]}), "of another shape|unknown"),
    ],
    ids=["missing", "more", "reshaped"],
)
def test_another_file_is_refused_whole(backbone, disguise, change, said):
    file = disguise(network_of(backbone).state_dict())
    change(file, next(name for name in file if re.search(r"weight$", name)))

    with pytest.raises(WeightsError, match=said):
        fit_weights(network_of(backbone), adapt_tensors("universal", file, SMALL[backbone]))


def test_the_backbone_sets_the_multiple_and_the_trace():
    assert find_multiple("universal", {}) == (32, 32, 32)
    assert find_multiple("universal", SMALL["unet"]) == (8, 8, 8)
    assert has_one_size("universal", {})
    assert not has_one_size("universal", SMALL["unet"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"backbone": "resnet"}, "backbone must be one of swin_unetr, unet"),
        ({"backbone_args": [1]}, "backbone_args must be an object"),
        ({"backbone_args": {"base": 64}}, "base is not known"),
        ({"backbone": "unet", "backbone_args": {"base": 1}}, "base must be a whole number"),
        ({"num_groups": 5}, "num_groups must divide the 48 channels"),
    ],
)
def test_arguments_that_make_no_network_are_named(args, said):
    with pytest.raises(CardError, match=said):
        build_network("universal", 2, args)
