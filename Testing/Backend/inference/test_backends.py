"""Backends: they agree with the plain network, give the same bytes again, and send nothing."""

import gc
import os
import subprocess
import sys
import textwrap
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from atlastumor.errors import DeviceError, UnknownKeyError
from atlastumor.inference.backends import (
    BACKENDS,
    choose_backend,
    choose_precision,
    name_backend,
)
from atlastumor.inference.backends.openvino_backend import OpenVinoBackend, has_openvino
from atlastumor.inference.backends.rewrite import rewrite_for_cpu
from atlastumor.inference.backends.torch_backend import choose_layout
from atlastumor.inference.choices import BACKEND_NAMES
from atlastumor.inference.device import choose_device, find_best_precision
from atlastumor.models.card import parse_card
from atlastumor.networks import build_network
from Backend.models.card_examples import card_data, small_args

CPU = choose_device("cpu")
HAS_BF16 = find_best_precision(CPU) == "bf16"
needs_openvino = pytest.mark.skipif(not has_openvino(), reason="openvino is not installed")
needs_bf16 = pytest.mark.skipif(not HAS_BF16, reason="this CPU has no bf16")
WAYS = [
    pytest.param("torch", "fp32", id="torch-fp32"),
    pytest.param("torch", "bf16", id="torch-bf16", marks=needs_bf16),
    pytest.param("openvino", "fp32", id="openvino-fp32", marks=needs_openvino),
    pytest.param("openvino", "bf16", id="openvino-bf16", marks=[needs_openvino, needs_bf16]),
]
NETWORKS = ["resenc_unet", "segresnet"]


def test_every_backend_has_the_name_that_commands_and_panels_list():
    assert tuple(BACKENDS) == BACKEND_NAMES


def a_network(name):
    torch.manual_seed(3)
    return build_network(name, 3, small_args(name))


def a_card(name):
    data = card_data()
    data["network"] = {"name": name, "args": small_args(name)}
    return parse_card(data)


def windows(n=2, shape=(16, 32, 24)):
    return torch.randn((n, 1, *shape), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("backend", "precision"), WAYS)
def test_every_backend_agrees_with_the_plain_network(backend, precision, name):
    with torch.inference_mode():
        expected = a_network(name)(windows())

    runner = choose_backend(backend, precision, CPU, a_network(name), a_card(name))
    got = runner.run(windows()).float()

    assert (runner.name, runner.precision) == (backend, precision)
    assert got.shape == expected.shape
    scale = expected.abs().max()
    assert (got - expected).abs().max() < (1e-4 if precision == "fp32" else 0.05) * scale
    same = (got.argmax(1) == expected.argmax(1)).float().mean()
    assert same > (0.9999 if precision == "fp32" else 0.97)


@pytest.mark.parametrize(("backend", "precision"), WAYS)
def test_the_same_windows_give_the_same_bytes(backend, precision):
    def run():
        card = a_card("segresnet")
        return choose_backend(backend, precision, CPU, a_network("segresnet"), card).run(windows())

    assert torch.equal(run(), run())


@pytest.mark.parametrize(("backend", "precision"), WAYS)
def test_a_backend_takes_windows_of_another_size(backend, precision):
    runner = choose_backend(backend, precision, CPU, a_network("segresnet"), a_card("segresnet"))

    assert runner.run(windows(1)).shape == (1, 3, 16, 32, 24)
    assert runner.run(windows(3, (8, 16, 8))).shape == (3, 3, 8, 16, 8)


@pytest.mark.parametrize(("backend", "precision"), WAYS[:3])
def test_a_transformer_agrees_with_the_plain_network(backend, precision):
    data = card_data()
    args = {**small_args("swin_unetr"), "depths": [2, 1, 1, 1]}  # the second one shifts its windows
    data["network"] = {"name": "swin_unetr", "args": args}
    torch.manual_seed(3)
    network = build_network("swin_unetr", 3, args)
    with torch.inference_mode():
        expected = network(windows(1, (32, 64, 32)))

    runner = choose_backend(backend, precision, CPU, network, parse_card(data))

    difference = (runner.run(windows(1, (32, 64, 32))).float() - expected).abs().max()
    assert difference < (1e-4 if precision == "fp32" else 0.05) * expected.abs().max()


class TellsItsSize(torch.nn.Module):
    """Adds a side of the window, reckoned in Python: a trace keeps the number that it saw."""

    def forward(self, x):
        return x + int(x.shape[2])


@needs_openvino
def test_a_network_of_one_size_is_converted_anew_for_another():
    runner = OpenVinoBackend(TellsItsSize(), CPU, "fp32", None)

    for side in (4, 8, 4):
        assert (runner.run(torch.zeros(1, 1, side, 4, 4)) == side).all()


@pytest.mark.parametrize(("backend", "precision"), WAYS)
def test_a_closed_backend_does_not_run(backend, precision):
    runner = choose_backend(backend, precision, CPU, a_network("segresnet"), a_card("segresnet"))

    runner.close()

    with pytest.raises(ValueError, match="closed"):
        runner.run(windows(1))


@pytest.mark.parametrize(("backend", "precision"), WAYS)
def test_a_closed_backend_leaves_no_weights_in_memory(backend, precision):
    network = a_network("resenc_unet")
    weights = [weakref.ref(weight) for weight in network.parameters()]
    runner = choose_backend(backend, precision, CPU, network, a_card("resenc_unet"))
    runner.run(windows(1))

    del network
    runner.close()
    gc.collect()

    assert not [weight for weight in weights if weight() is not None]


def test_rewritten_layers_compute_the_same():
    network, x = a_network("resenc_unet"), windows()
    with torch.inference_mode():
        before = network(x)
        names = list(network.state_dict())
        after = rewrite_for_cpu(network)(x)

    assert not any(isinstance(m, torch.nn.InstanceNorm3d) for m in network.modules())
    assert list(network.state_dict()) == names
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_host_memory_that_runs_out_is_a_memory_error():
    runner = choose_backend("torch", "fp32", CPU, a_network("segresnet"), a_card("segresnet"))
    endless = torch.zeros(1, 1, 1, 1, 1).expand(1, 1, 80_000, 80_000, 80_000)

    with pytest.raises(MemoryError):
        runner.run(endless)


def test_auto_takes_what_the_cpu_computes_in():
    assert choose_precision("auto", CPU) == ("bf16" if HAS_BF16 else "fp32")
    assert name_backend("torch", "fp32", CPU) == "torch"
    assert name_backend("auto", "fp16", replace(CPU, name="cuda:0", kind="cuda")) == "torch"


@needs_openvino
def test_auto_is_openvino_unless_exactness_is_asked_for():
    gpu = replace(CPU, name="cuda:0", kind="cuda")

    assert [name_backend("auto", wanted, CPU) for wanted in ("auto", "bf16")] == ["openvino"] * 2
    assert name_backend("auto", "fp32", CPU) == name_backend("auto", "auto", gpu) == "torch"
    assert name_backend("openvino", "fp32", CPU) == "openvino"
    chosen = choose_backend("auto", "fp32", CPU, a_network("segresnet"), a_card("segresnet"))
    assert chosen.name == "torch"


def test_unknown_backends_and_precisions_list_the_known_ones():
    with pytest.raises(UnknownKeyError, match="openvino, torch"):
        name_backend("tensorrt", "fp32", CPU)
    with pytest.raises(UnknownKeyError, match="bf16, fp16, fp32, int8"):
        choose_precision("fp8", CPU)


def test_fp16_on_a_cpu_is_refused():
    with pytest.raises(DeviceError, match="does not compute in fp16"):
        choose_precision("fp16", CPU)


@needs_openvino
def test_openvino_on_a_gpu_is_refused():
    gpu = replace(CPU, name="cuda:0", kind="cuda")

    with pytest.raises(DeviceError, match="runs on the CPU"):
        choose_backend("openvino", "fp32", gpu, a_network("segresnet"), a_card("segresnet"))


def test_fp32_on_a_gpu_keeps_channels_first_and_half_precision_puts_them_last():
    gpu = replace(CPU, name="cuda:0", kind="cuda")

    assert choose_layout(gpu, "fp32") == torch.contiguous_format
    assert choose_layout(gpu, "bf16") == torch.channels_last_3d


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_gpu_agrees_with_the_cpu(name, precision):
    gpu = choose_device("cuda")
    with torch.inference_mode():
        expected = a_network(name)(windows())

    runner = choose_backend("auto", precision, gpu, a_network(name), a_card(name))
    got = runner.run(windows().to(gpu.name)).float().cpu()

    assert (got.argmax(1) == expected.argmax(1)).float().mean() > 0.97


# A stand-in for openvino-telemetry that writes down every use of it.
SPY = """
    import os
    with open(os.environ["SPY_FILE"], "a") as file:
        file.write("used\\n")
    class Telemetry:
        backend = type("Backend", (), {"app_name": ""})
        def __init__(self, *args, **kwargs): pass
        def __getattr__(self, name): return lambda *args, **kwargs: None
"""
CONVERT_AND_RUN = """
    import socket
    def refuse(*args, **kwargs): raise RuntimeError("no network here")
    socket.socket.connect = socket.getaddrinfo = refuse
    import torch
    from atlastumor.inference.backends.openvino_backend import OpenVinoBackend
    from atlastumor.inference.device import choose_device
    backend = OpenVinoBackend(torch.nn.Conv3d(1, 2, 1), choose_device("cpu"), "fp32", (1, 1, 1))
    assert backend.run(torch.ones(1, 1, 2, 2, 2)).shape == (1, 2, 2, 2, 2)
    print("ran")
"""


def run_beside_a_spy(code, folder):
    """Run code in a child whose openvino_telemetry is the spy; tell what the spy saw."""
    (folder / "openvino_telemetry" / "backend").mkdir(parents=True)
    (folder / "openvino_telemetry" / "__init__.py").write_text(textwrap.dedent(SPY))
    (folder / "openvino_telemetry" / "backend" / "__init__.py").write_text("")
    (folder / "openvino_telemetry" / "backend" / "backend_ga4.py").write_text("")
    home = folder / "home"
    home.mkdir()
    library = Path(__file__).parents[3] / "AtlasTumorLib"
    path = os.pathsep.join([str(folder), str(library)])
    env = {**os.environ, "PYTHONPATH": path, "SPY_FILE": str(folder / "seen"), "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return (folder / "seen").exists(), sorted(home.rglob("*")), done.stdout


@needs_openvino
def test_openvino_touches_no_telemetry_and_no_home_folder(tmp_path):
    was_used, files, said = run_beside_a_spy(CONVERT_AND_RUN, tmp_path)

    assert said == "ran\n"
    assert not was_used
    assert files == []


@needs_openvino
def test_the_spy_would_have_seen_telemetry(tmp_path):
    was_used, _, _ = run_beside_a_spy("import openvino", tmp_path)

    assert was_used
