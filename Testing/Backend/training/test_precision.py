"""Networks are trained in bfloat16 wherever a processor computes in it, and nowhere else."""

import pytest
import torch

from atlastumor.training.precision import find_training_dtype


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ({}, torch.float32),
        ({"avx512_f": True, "avx512_vnni": True}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
    ],
)
def test_a_cpu_must_have_the_arithmetic(monkeypatch, flags, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)

    assert find_training_dtype("cpu") == dtype


def test_gpus_train_in_bfloat16():
    assert find_training_dtype("cuda:1") == find_training_dtype("cuda") == torch.bfloat16
