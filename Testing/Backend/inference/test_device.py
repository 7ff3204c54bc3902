"""Devices: the CPU is always there, a GPU is tried before it is promised, nothing is swapped."""

import pytest
import torch

from atlastumor.errors import DeviceError
from atlastumor.inference import device as device_module
from atlastumor.inference.device import (
    choose_device,
    explain_failure,
    find_best_precision,
    find_dtype,
    run_trial,
)

HAS_GPU = torch.cuda.is_available()


def test_the_cpu_says_its_name_and_memory():
    device = choose_device("cpu")

    assert (device.name, device.kind, device.note) == ("cpu", "cpu", "")
    assert device.description
    assert 0 < device.free_bytes <= device.total_bytes


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_auto_without_a_gpu_says_that_the_cpu_is_used_and_why():
    device = choose_device("auto")

    assert device.kind == "cpu"
    assert "CPU is used" in device.note
    assert "CUDA" in device.note


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
@pytest.mark.parametrize("request_", ["cuda", "cuda:0", "CUDA:3"])
def test_a_gpu_that_is_asked_for_and_absent_is_an_error_and_not_the_cpu(request_):
    with pytest.raises(DeviceError, match=request_.lower()) as raised:
        choose_device(request_)

    assert raised.value.exit_code == 4


@pytest.mark.parametrize("request_", ["", "gpu", "cuda:", "cuda:-1", "cuda:1e9", "cuda:99999", "0"])
def test_a_request_that_names_no_device_is_refused(request_):
    with pytest.raises(DeviceError, match="Choose auto, cpu, cuda"):
        choose_device(request_)


def test_apple_gpus_are_refused_in_words():
    with pytest.raises(DeviceError, match="Apple GPUs are not supported"):
        choose_device("mps")


def test_an_emptied_visibility_is_named_as_the_reason(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    assert "CUDA_VISIBLE_DEVICES" in choose_device("auto").note


def test_the_trial_convolution_computes_what_it_should():
    result = run_trial("cpu", torch.float32)

    assert result.shape == (1, 8, 8, 8, 8)
    assert (result[..., 1:-1, 1:-1, 1:-1] == 27).all()
    assert (result[..., 0, 0, 0] == 8).all()


def test_missing_kernels_are_explained_with_the_architectures(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_80", "sm_90"])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _number: (12, 0))

    said = explain_failure("CUDA error: no kernel image is available for execution", 0)

    assert "your PyTorch build lacks kernels for this GPU" in said
    assert "sm_120" in said
    assert "sm_80, sm_90" in said


def test_other_failures_keep_their_first_line():
    assert explain_failure("CUDA error: unspecified launch failure\nmore", 0) == (
        "CUDA error: unspecified launch failure."
    )


def test_a_gpu_that_fails_its_trial_is_passed_over_and_named(monkeypatch):
    def fail(name, _dtype):
        msg = f"CUDA error: {name} is ill"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(device_module, "run_trial", fail)

    note = choose_device("auto").note

    assert "GPU 0 does not work: CUDA error: cuda:0 is ill." in note
    assert "GPU 1 does not work" in note
    with pytest.raises(DeviceError, match="GPU 1 does not work"):
        choose_device("cuda:1")
    with pytest.raises(DeviceError, match="PyTorch sees 2 GPUs"):
        choose_device("cuda:2")


def test_the_best_precision_of_this_cpu_is_one_that_it_has():
    best = find_best_precision(choose_device("cpu"))
    flags = torch.cpu.get_capabilities()

    assert (best == "bf16") == bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))
    assert find_dtype(best) in (torch.float32, torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="there is no GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_that_works_is_chosen_first(precision):
    device = choose_device("auto", precision=precision)

    assert device.kind == "cuda"
    assert 0 < device.free_bytes <= device.total_bytes
