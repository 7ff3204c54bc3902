"""Compiled layers: the same answers and gradients, the same names, or a plain refusal."""

import copy
import shutil

import pytest
import torch

from atlastumor.errors import DependencyError
from atlastumor.networks import build_network
from atlastumor.training import fused

ARGS = {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}
needs_a_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.slow
@needs_a_compiler
@pytest.mark.filterwarnings("ignore")  # of torch's compiler, about itself
def test_a_fused_layer_computes_what_the_two_layers_do():
    norm = torch.nn.GroupNorm(2, 6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    found, gradients = [], []
    for layer in (torch.nn.Sequential(norm, torch.nn.ReLU()), fused.FusedNorm(norm)):
        x = (3 * noise(2, 6, 5, 7, 4) + 1).requires_grad_()
        norm.zero_grad()
        found.append(layer(x))
        found[-1].float().square().sum().backward()
        gradients.append([x.grad, norm.weight.grad, norm.bias.grad])

    torch.testing.assert_close(found[1].float(), found[0], atol=0.02, rtol=0.01)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=0.02 * float(other.abs().max()), rtol=0.02)


@pytest.mark.slow
@needs_a_compiler
@pytest.mark.filterwarnings("ignore")
def test_a_fused_network_has_the_same_weights_by_the_same_names_and_answers_alike():
    plain = build_network("segresnet", 3, ARGS)
    network = copy.deepcopy(plain)

    fused.fuse_norms(network)

    kinds = {type(module) for module in network.modules()}
    assert torch.nn.GroupNorm not in kinds
    assert torch.nn.ReLU not in kinds - {type(network.act_mod)}
    assert list(network.state_dict()) == list(plain.state_dict())
    assert [n for n, _ in network.named_parameters()] == [n for n, _ in plain.named_parameters()]
    x = noise(1, 1, 16, 8, 16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected = plain(x).float()
        assert float((network(x).float() - expected).abs().max()) < 0.05 * expected.abs().max()


@pytest.mark.filterwarnings("ignore")
def test_no_compiler_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    torch.compiler.reset()

    with pytest.raises(DependencyError, match=r"install a C\+\+ compiler or do without --compile"):
        fused.check_compiler()
