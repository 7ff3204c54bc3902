"""The generator against the layout of its description, and its loading."""

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F  # noqa: N812

from atlastumor.errors import WeightsError
from atlastumor.synthesis.freetumor.generator import Generator, load_generator

BASE = 4


def documented_shapes(base):
    """Names and shapes of a Models-Genesis U-Net with 1 channel in and 3 out, written out."""
    shapes = {}

    def layer(name, n_in, n_out):
        shapes[f"{name}.conv1.weight"] = (n_out, n_in, 3, 3, 3)
        shapes[f"{name}.conv1.bias"] = (n_out,)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn1.{part}"] = (n_out,)
        shapes[f"{name}.bn1.num_batches_tracked"] = ()

    n_in = 1
    for label, n in zip((64, 128, 256, 512), (base, 2 * base, 4 * base, 8 * base), strict=True):
        layer(f"down_tr{label}.ops.0", n_in, n // 2)
        layer(f"down_tr{label}.ops.1", n // 2, n)
        n_in = n
    for label, n in zip((256, 128, 64), (8 * base, 4 * base, 2 * base), strict=True):
        shapes[f"up_tr{label}.up_conv.weight"] = (n, n, 2, 2, 2)
        shapes[f"up_tr{label}.up_conv.bias"] = (n,)
        layer(f"up_tr{label}.ops.0", n + n // 2, n // 2)
        layer(f"up_tr{label}.ops.1", n // 2, n // 2)
    shapes["out_tr.final_conv.weight"] = (3, base, 1, 1, 1)
    shapes["out_tr.final_conv.bias"] = (3,)
    return shapes


def make_state(base=BASE, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.tensor(7)
        if name.endswith("tracked")
        else torch.randn(shape, generator=generator) * 0.3
        for name, shape in documented_shapes(base).items()
    }


def written_out(state, x):
    """The description, without modules."""

    def layer(name, x):
        y = F.conv3d(x, state[f"{name}.conv1.weight"], state[f"{name}.conv1.bias"], padding=1)
        mean = y.mean((0, 2, 3, 4), keepdim=True)
        variance = (y - mean).square().mean((0, 2, 3, 4), keepdim=True)
        scale, shift = (state[f"{name}.bn1.{p}"].view(1, -1, 1, 1, 1) for p in ("weight", "bias"))
        return ((y - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)

    kept = []
    for label in (64, 128, 256, 512):
        x = F.max_pool3d(x, 2) if kept else x
        x = layer(f"down_tr{label}.ops.1", layer(f"down_tr{label}.ops.0", x))
        kept.append(x)
    kept.pop()
    for label in (256, 128, 64):
        up = state[f"up_tr{label}.up_conv.weight"], state[f"up_tr{label}.up_conv.bias"]
        x = torch.cat([F.conv_transpose3d(x, *up, stride=2), kept.pop()], 1)
        x = layer(f"up_tr{label}.ops.1", layer(f"up_tr{label}.ops.0", x))
    return F.conv3d(x, state["out_tr.final_conv.weight"], state["out_tr.final_conv.bias"])


def save(path, state):
    torch.save({"state_dict": state, "epoch": 99}, path)
    return path


def published(state):
    """As the authors' training writes it: generator, discriminator and segmenter in one."""
    rest = {
        "netD.down_tr64.ops.0.conv1.bias": torch.zeros(2),
        "netSeg.out.conv.bias": torch.ones(7),
    }
    return {f"netG.{name}": tensor for name, tensor in state.items()} | rest


def test_the_published_size_has_the_documented_names_and_shapes():
    with torch.device("meta"):
        network = Generator()

    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == documented_shapes(
        64
    )
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(19.08e6, rel=0.01)


def test_it_computes_what_the_description_says():
    state = make_state()
    network = Generator(base=BASE)
    network.load_state_dict(state)
    x = torch.rand((1, 1, 16, 8, 24), generator=torch.Generator().manual_seed(2))

    with torch.inference_mode():
        found = network.eval()(x)

    assert found.shape == (1, 3, 16, 8, 24)
    torch.testing.assert_close(found, written_out(state, x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_loads_and_the_other_networks_in_it_are_left_aside(prefix, tmp_path):
    state = make_state()
    whole = {prefix + name: tensor for name, tensor in published(state).items()}

    network = load_generator(save(tmp_path / "TGAN.pt", whole), network=Generator(base=BASE))

    assert not network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_a_converted_checkpoint_loads(tmp_path):
    save_file(published(make_state()), tmp_path / "TGAN.safetensors")

    network = load_generator(tmp_path / "TGAN.safetensors", network=Generator(base=BASE))

    assert torch.equal(network.out_tr.final_conv.bias, make_state()["out_tr.final_conv.bias"])


def test_another_networks_checkpoint_is_refused(tmp_path):
    path = save(tmp_path / "other.pt", {"encoder.weight": torch.ones(3)})

    with pytest.raises(WeightsError, match=r"other\.pt is no checkpoint of FreeTumor.*netG"):
        load_generator(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("netG.out_tr.final_conv.bias"), "missing: 'out_tr.final_conv.bias'"),
        (lambda s: s.update({"netG.more": torch.ones(1)}), "unknown: 'more'"),
        (lambda s: s.update({"netG.out_tr.final_conv.bias": torch.ones(4)}), r"\(4,\), not \(3,\)"),
        (
            lambda s: s["netG.out_tr.final_conv.bias"].fill_(float("nan")),
            "not finite",
        ),
    ],
)
def test_an_altered_checkpoint_is_refused(change, words, tmp_path):
    state = published(make_state())
    change(state)

    with pytest.raises(WeightsError, match=words):
        load_generator(save(tmp_path / "TGAN.pt", state), network=Generator(base=BASE))
