"""Networks that MONAI builds: published files of the documented size, and MONAI's own answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from monai.networks.nets import UNETR, DynUNet, SegResNet, SegResNetDS, SwinUNETR, UNet

from atlastumor.errors import CardError, DependencyError, WeightsError
from atlastumor.models.weights import fit_weights
from atlastumor.networks import adapt_tensors, build_network, find_multiple
from atlastumor.networks.monai_parts import find_in_monai
from atlastumor.networks.shapes import list_shapes

State = Mapping[str, torch.Tensor]


def keep(state: State) -> State:
    return state


def wrapped(state: State) -> State:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def in_a_framework(state: State) -> State:
    return {f"module.backbone.{name}": tensor for name, tensor in state.items()}


def as_difftumor_names_swin(state: State) -> State:
    """Perceptrons under the first Swin's names, and a last norm that nothing uses."""
    names = {re.sub(r"mlp\.linear(\d)", r"mlp.fc\1", name): t for name, t in state.items()}
    spare = {f"swinViT.norm.{part}": torch.ones(8) for part in ("weight", "bias")}
    return {f"backbone.{name}": tensor for name, tensor in {**names, **spare}.items()}


def as_older_unetr(state: State) -> State:
    """As MONAI 1.4 and 0.8 wrote it: with attention across inputs and a class token."""
    spare = {
        "vit.patch_embedding.cls_token": torch.zeros(1, 1, 24),
        "vit.blocks.3.cross_attn.to_k.weight": torch.zeros(24, 24),
    }
    return {**state, **spare}


@dataclass(frozen=True)
class Published:
    """A public family: what upstream builds, and what its file says.

    Args:
        name: Key of `NETWORKS`.
        args: What a card of it says.
        upstream: Makes MONAI's own network, of the published size.
        disguise: What the file makes of the names.
        n_outputs: Channels.
        n_keys: Tensors in the file, where somebody wrote it down.
        millions: Of parameters, each once.
        small: What differs in a small network, in MONAI's words and in a card's.
    """

    name: str
    args: dict[str, Any]
    upstream: Callable[..., torch.nn.Module]
    disguise: Callable[[State], State]
    n_outputs: int
    n_keys: int | None
    millions: float
    small: tuple[dict[str, Any], dict[str, Any]]


def unet(**changes: Any) -> UNet:
    args = {"channels": (16, 32, 64, 128, 256), "strides": (2, 2, 2, 2), **changes}
    return UNet(3, 1, 3, **args, num_res_units=2)


def dynunet(**changes: Any) -> DynUNet:
    args = {
        "kernel_size": [3] * 5,
        "strides": [1, 2, 2, 2, 2],
        "upsample_kernel_size": [2] * 4,
        "filters": [32, 64, 128, 256, 320],
        **changes,
    }
    return DynUNet(3, 1, 3, **args, norm_name="instance")


def swin(**changes: Any) -> SwinUNETR:
    return SwinUNETR(1, 3, **{"feature_size": 48, **changes})


def swin_v2(**changes: Any) -> SwinUNETR:
    return SwinUNETR(1, 7, **{"feature_size": 48, **changes}, use_v2=True)


def unetr(**changes: Any) -> UNETR:
    return UNETR(1, 7, **{"img_size": 96, "feature_size": 32, **changes})


def segresnet(**changes: Any) -> SegResNet:
    args = {"init_filters": 16, "blocks_down": (1, 2, 2, 4), "blocks_up": (1, 1, 1), **changes}
    return SegResNet(3, in_channels=1, out_channels=25, **args)


def segresnet_ds(**changes: Any) -> SegResNetDS:
    args = {"init_filters": 32, "blocks_down": (1, 2, 2, 4, 4), "dsdepth": 4, **changes}
    return SegResNetDS(3, in_channels=1, out_channels=3, norm="INSTANCE", **args)


SWIN_SMALL = {"feature_size": 12, "depths": (1, 2, 1, 1), "num_heads": (1, 2, 2, 4)}
UNETR_SMALL = {
    "img_size": (16, 32, 16),
    "feature_size": 4,
    "hidden_size": 24,
    "mlp_dim": 24,
    "num_heads": 2,
}
FAMILIES = {
    "DiffTumor U-Net": Published(
        *("unet", {}, unet, wrapped, 3, 63, 4.81),
        ({"channels": (4, 8, 8), "strides": (2, 2)}, {"channels": [4, 8, 8], "strides": [2, 2]}),
    ),
    "DiffTumor nnU-Net": Published(
        *("dynunet", {}, dynunet, in_a_framework, 3, 46, 16.54),
        (
            {
                "filters": [4, 8, 8],
                "kernel_size": [3, [1, 3, 3], 3],
                "strides": [1, 2, [2, 2, 1]],
                "upsample_kernel_size": [2, [2, 2, 1]],
            },
            {"filters": [4, 8, 8], "kernel_size": [3, [1, 3, 3], 3], "strides": [1, 2, [2, 2, 1]]},
        ),
    ),
    "DiffTumor Swin UNETR": Published(
        *("swin_unetr", {}, swin, as_difftumor_names_swin, 3, 161, 62.19),
        (SWIN_SMALL, SWIN_SMALL),
    ),
    "FreeTumor": Published(
        *("swin_unetr", {"use_v2": True}, swin_v2, wrapped, 7, 167, 72.76),
        (SWIN_SMALL, SWIN_SMALL),
    ),
    "UNETR": Published(
        *("unetr", {"feature_size": 32}, unetr, as_older_unetr, 7, 196, 101.79),
        (UNETR_SMALL, UNETR_SMALL),
    ),
    "SuPreM SegResNet": Published(
        *("segresnet", {}, segresnet, in_a_framework, 25, 83, 4.70),
        (
            {"init_filters": 8, "blocks_down": (1, 1), "blocks_up": (1,)},
            {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]},
        ),
    ),
    "Auto3DSeg": Published(
        *("segresnet_ds", {}, segresnet_ds, keep, 3, None, 87.16),
        (
            {"init_filters": 8, "blocks_down": (1, 1, 1), "dsdepth": 2, "resolution": (1, 1, 4)},
            {"init_filters": 8, "blocks_down": [1, 1, 1], "resolution": [1, 1, 4]},
        ),
    ),
}


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES.keys())
def family(request):
    return request.param


def small_pair(family: Published) -> tuple[torch.nn.Module, str, dict[str, Any]]:
    """Upstream's small network with weights to speak of, and the card's words for it."""
    torch.manual_seed(4)
    theirs, ours = family.small
    network = family.upstream(**theirs).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network, family.name, {**family.args, **ours}


def test_a_published_file_has_the_documented_size_and_fits(family):
    published: dict[str, tuple[int, ...]] = {}

    def upstream() -> torch.nn.Module:
        network = family.upstream()
        file = family.disguise(network.state_dict())
        adapted = adapt_tensors(family.name, file, family.args)
        published.update({name: tuple(tensor.shape) for name, tensor in adapted.items()})
        assert family.n_keys in {None, len(file)}
        used = sum(p.numel() for n, p in network.named_parameters() if "cross_attn" not in n)
        assert used == pytest.approx(family.millions * 1e6, abs=6e3)
        return network

    list_shapes(upstream)
    ours = list_shapes(lambda: build_network(family.name, family.n_outputs, family.args))

    assert published == {name: shape for name, shape in ours.items() if "skip_layers" not in name}


def test_it_computes_what_monais_own_network_does(family):
    reference, name, args = small_pair(family)
    network = build_network(name, family.n_outputs, args)
    fit_weights(network, adapt_tensors(name, family.disguise(reference.state_dict()), args))
    multiple = find_multiple(name, args)
    shape = multiple if name == "unetr" else (2 * multiple[0], *multiple[1:])
    x = torch.randn((1, 1, *shape), generator=torch.Generator().manual_seed(3))

    with torch.inference_mode():
        found, expected = network(x), reference(x)

    assert found.shape == (1, family.n_outputs, *shape)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("mode", ["nontrainable", "deconv", "pixelshuffle"])
def test_a_seed_draws_the_weights_that_monai_would_draw(mode):
    changes = {"init_filters": 8, "blocks_down": [1, 2, 1], "blocks_up": [1, 2]}
    torch.manual_seed(5)
    reference = segresnet(**changes, upsample_mode=mode).state_dict()
    torch.manual_seed(5)
    drawn = build_network("segresnet", 25, {**changes, "upsample_mode": mode}).state_dict()

    assert list(drawn) == list(reference)
    assert all(torch.equal(drawn[name], reference[name]) for name in reference)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file, name: file.pop(name), "missing"),
        (lambda file, name: file.update({f"{name}.more": file[name]}), "unknown"),
        (lambda file, name: file.update({name: file[name][..., None]}), "of another shape"),
    ],
    ids=["missing", "more", "reshaped"],
)
def test_another_networks_file_is_refused(family, change, said):
    reference, name, args = small_pair(family)
    file = dict(family.disguise(reference.state_dict()))
    change(file, next(key for key in file if re.search(r"(encoder|conv|input|model)", key)))

    with pytest.raises(WeightsError, match=said):
        fit_weights(build_network(name, family.n_outputs, args), adapt_tensors(name, file, args))


def test_anisotropic_voxels_set_the_multiple_as_monai_says():
    args = {"blocks_down": [1, 2, 2, 4], "resolution": [0.8, 0.8, 5]}
    factor = SegResNetDS(blocks_down=(1, 2, 2, 4), resolution=(0.8, 0.8, 5)).shape_factor()

    assert find_multiple("segresnet_ds", args) == tuple(factor) == (8, 8, 2)
    assert find_multiple("segresnet_ds", {}) == (16, 16, 16)


def test_strides_set_the_multiple():
    assert find_multiple("unet", {"channels": [2, 2, 2], "strides": [2, [2, 2, 1]]}) == (4, 4, 2)
    assert find_multiple("dynunet", {}) == (16, 16, 16)


def test_a_unetr_says_that_it_takes_one_window_size():
    network = build_network("unetr", 2, UNETR_SMALL)

    with pytest.raises(CardError, match=r"img_size is \(16, 32, 16\); windows of \(32, 32, 32\)"):
        network(torch.zeros(1, 1, 32, 32, 32))


def test_a_missing_package_is_named():
    with pytest.raises(DependencyError, match="needs the package einopsy; install it with pip"):
        find_in_monai("swin_unetr", "SwinUNETR", needs=("einopsy.layers",))


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("unet", {"strides": [2, 2]}, "strides must be a list of 4 triples"),
        ("unet", {"act": "os.system"}, "act must be one of leakyrelu, prelu, relu"),
        ("unet", {"bias": "yes"}, "bias must be true or false"),
        ("dynunet", {"strides": [2, 2, 2, 2, 2]}, r"strides\[0\] must be 1"),
        ("dynunet", {"filters": [8, 8]}, "filters must be a list of 3 to 8"),
        ("unetr", {"img_size": 50}, "img_size must be multiples of 16"),
        ("unetr", {"hidden_size": 50}, "hidden_size must be a multiple of the 12 heads"),
        ("swin_unetr", {"feature_size": 20}, "feature_size must be a multiple of 12"),
        ("swin_unetr", {"num_heads": [3, 6, 12, 25]}, r"num_heads\[3\] must divide the 384"),
        ("swin_unetr", {"legacy_merging": 1}, "legacy_merging must be true or false"),
        ("segresnet", {"upsample_mode": "magic"}, "upsample_mode must be one of deconv"),
        ("segresnet_ds", {"resolution": [1, 1, 0]}, "resolution must be null or three sizes"),
        ("segresnet_ds", {"init_filters": 12, "norm": "group"}, "multiple of 8 groups"),
    ],
)
def test_arguments_that_make_no_network_are_named(name, args, said):
    for ask in (lambda: build_network(name, 2, args), lambda: adapt_tensors(name, {}, args)):
        with pytest.raises(CardError, match=said):
            ask()
