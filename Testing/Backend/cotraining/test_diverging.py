"""A training that diverges is stopped, and what it had learned before is kept."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from atlastumor.cli import main
from atlastumor.cotraining import optimizing
from atlastumor.cotraining.config import TrainingConfig
from atlastumor.cotraining.optimizing import Run, start_run, take_step
from atlastumor.cotraining.patches import Patch
from atlastumor.errors import InputError
from atlastumor.training.processes import ALONE
from Backend.cotraining.tiny_cohort import write_case, write_config

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = TrainingConfig((), Path(), steps=100, warmup=0)


def start(precision: str) -> Run:
    network = torch.nn.Conv3d(1, 2, 1)
    return start_run(network, CONFIG, ALONE, device="cpu", precision=precision)


def step(run: Run, *, value: float) -> float:
    labels = torch.zeros((1, 4, 4, 4), dtype=torch.uint8)
    labels[:, :2] = 1
    image, known = torch.full((1, 1, 4, 4, 4), value), torch.ones((1, 4, 4, 4))
    patches = Patch(image, labels, known, torch.tensor([[0, 1]]), torch.tensor([0]))
    return take_step(run, patches, CONFIG, ALONE)


def is_finite(network: torch.nn.Module) -> bool:
    return all(bool(torch.isfinite(one).all()) for one in network.parameters())


def test_a_gradient_that_is_no_number_ends_the_run() -> None:
    run = start("fp32")
    step(run, value=1.0)

    with pytest.raises(InputError, match=r"diverged: in step 2 .* `learning_rate` lower"):
        step(run, value=float("inf"))


def test_in_fp16_single_steps_are_left_out_and_many_in_a_row_end_the_run() -> None:
    run = start("fp16")

    step(run, value=float("inf"))
    step(run, value=1.0)
    assert is_finite(run.network)
    for _ in range(20):
        step(run, value=float("inf"))
    with pytest.raises(InputError, match="The training diverged"):
        deque((step(run, value=float("inf")) for _ in range(20)), maxlen=0)


def test_the_checkpoint_before_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, [write_case(tmp_path, "one", 1, tumor=True)])
    supervise = optimizing.supervise
    factors = Mock(side_effect=[1.0, 1.0, float("nan"), 1.0])
    monkeypatch.setattr(optimizing, "supervise", lambda *given: supervise(*given) * factors())

    code = main(["train", str(config), "--device", "cpu"])

    state = torch.load(tmp_path / "out" / "run" / "checkpoint.pt", weights_only=True)
    assert code == 3
    assert "The training diverged: in step 3" in capsys.readouterr().err
    assert state["step"] == 2
    assert all(bool(torch.isfinite(one).all()) for one in state["network"].values())
