"""`atlastumor train` from configuration to model, as a user runs it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from atlastumor.cli import main
from atlastumor.collections import Annotation, CollectionCase
from atlastumor.cotraining.config import load_config
from atlastumor.cotraining.running import train_cohort
from atlastumor.models.card import load_card
from atlastumor.models.weights import load_weights
from Backend.cotraining.tiny_cohort import write_case, write_config
from Backend.source_tree import REPOSITORY

pytestmark = pytest.mark.usefixtures("one_thread")

KILLED = """
import os, signal, sys
from pathlib import Path
from atlastumor.cotraining.config import load_config
from atlastumor.cotraining.running import train_cohort

def progress(fraction, stage):
    if fraction >= 11 / 20:
        os.kill(os.getpid(), signal.SIGKILL)

train_cohort(load_config(Path(sys.argv[1])), device="cpu", progress=progress)
"""

WATCHED = """
import sys
from pathlib import Path
import psutil
import torch
from atlastumor.cotraining.config import load_config
from atlastumor.cotraining.running import train_cohort

torch.set_num_threads(1)
process, used = psutil.Process(), []
watch = lambda _fraction, _stage: used.append(process.memory_info().rss)
train_cohort(load_config(Path(sys.argv[1])), device="cpu", progress=watch)
print(*used)
"""


def three_cases(folder: Path) -> list[CollectionCase]:
    """One with everything annotated, one for its liver alone, one without any tumor."""
    cases = [write_case(folder, f"case{n}", n, tumor=n < 2) for n in range(3)]
    return [cases[0], replace(cases[1], annotated=Annotation(frozenset({"liver"}))), cases[2]]


def losses(output: Path) -> list[str]:
    with (output / "run" / "history.csv").open(newline="") as file:
        return [row["loss"] for row in csv.DictReader(file)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "AtlasTumorLib"), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of 20 steps."""
    folder = tmp_path_factory.mktemp("finished")
    config = write_config(folder, three_cases(folder), steps=20, checkpoint_every=5)
    train_cohort(load_config(config), device="cpu")
    return folder


def test_a_run_that_was_killed_goes_on_with_the_same_loss_curve_to_the_same_weights(
    finished: Path, tmp_path: Path
) -> None:
    cases = three_cases(tmp_path)
    config = write_config(tmp_path, cases, steps=20, checkpoint_every=5, workers=1)
    command = [sys.executable, "-c", KILLED, str(config)]

    ended = subprocess.run(command, env=environment(), check=False, capture_output=True)
    before = losses(tmp_path / "out")
    code = main(["train", str(config), "--device", "cpu"])

    assert ended.returncode == -signal.SIGKILL
    assert len(before) == 10
    assert code == 0
    assert losses(tmp_path / "out") == losses(finished / "out")
    weights = [x / "out" / "tiny-v1.safetensors" for x in (tmp_path, finished)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_finished_run_is_left_as_it_is(finished: Path) -> None:
    before = losses(finished / "out")

    code = main(["train", str(finished / "config.json"), "--device", "cpu"])

    assert code == 0
    assert losses(finished / "out") == before


def test_a_folder_with_a_run_of_other_settings_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = json.loads((finished / "config.json").read_text())
    other = finished / "other.json"
    other.write_text(json.dumps({**settings, "seed": 2}))

    code = main(["train", str(other), "--device", "cpu"])

    assert code == 3
    assert "other settings (seed)" in capsys.readouterr().err


def test_a_checkpoint_of_another_network_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    checkpoint = tmp_path / "copy" / "out" / "run" / "checkpoint.pt"
    state = torch.load(checkpoint, weights_only=True)
    state["network"].popitem()
    torch.save(state, checkpoint)
    settings = json.loads((finished / "config.json").read_text())
    (tmp_path / "copy" / "config.json").write_text(
        json.dumps({**settings, "output": str(tmp_path / "copy" / "out")})
    )

    code = main(["train", str(tmp_path / "copy" / "config.json"), "--device", "cpu"])

    assert code == 3
    assert "is of another network" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_learn_what_one_does(finished: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path, three_cases(tmp_path), steps=20, checkpoint_every=5)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]

    subprocess.run(
        [sys.executable, *launch, "-m", "atlastumor", "train", str(config), "--device", "cpu"],
        env=environment(),
        check=True,
        capture_output=True,
        timeout=300,
    )

    one, two = (np.array(losses(x / "out"), float) for x in (finished, tmp_path))
    np.testing.assert_allclose(two, one, rtol=1e-3)
    np.testing.assert_allclose(two[:3], one[:3], rtol=1e-5)
    cards = [load_card(x / "out" / "tiny-v1.json") for x in (finished, tmp_path)]
    for name, tensor in load_weights(cards[0]).items():
        np.testing.assert_allclose(load_weights(cards[1])[name], tensor, atol=2e-3)


def test_a_corrupt_case_is_named_and_skipped_and_the_model_segments_a_scan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [write_case(tmp_path, f"case{n}", n, tumor=True) for n in range(2)]
    held_out = replace(write_case(tmp_path, "held-out", 5, tumor=True), split="validation")
    cases[1].scan.write_bytes(cases[1].scan.read_bytes()[:1000])
    bare = write_case(tmp_path, "case2", 2, tumor=False)
    cases.append(replace(bare, labels=(), annotated=Annotation()))
    config = write_config(tmp_path, [*cases, held_out])

    code = main(["train", str(config), "--device", "cpu"])
    said = capsys.readouterr().err
    models, result = tmp_path / "out", tmp_path / "result"
    words = ["--model", "tiny-v1", "--models-dir", str(models), "--device", "cpu"]
    looks = (models / "run" / "validation.csv").read_text()
    main(["train", str(config), "--device", "cpu"])
    segmented = main(["segment", str(held_out.scan), "-o", str(result), *words])

    assert code == segmented == 0
    assert "Skipped case1: " in said
    assert "Skipped case2: It is annotated for none of the organs to learn." in said
    assert (models / "run" / "validation.csv").read_text() == looks
    report = (models / "report.md").read_text()
    assert "case1: " in report
    assert "1 to learn from, 1 to validate with" in report
    assert "of the time went into waiting for patches" in report
    assert (models / "loss.png").stat().st_size > 1000
    assert (models / "dice.png").stat().st_size > 1000
    card = load_card(models / "tiny-v1.json")
    assert {row["organ"] for row in card.evaluation} >= {"liver", "kidney", "all"}
    labels = next(result.glob("*labels*.nii.gz"))
    assert nibabel.load(labels).shape == (40, 40, 40)


@pytest.mark.slow
def test_organs_and_tumors_are_learned_though_half_of_the_cases_are_annotated_for_one(
    tmp_path: Path,
) -> None:
    cases = [write_case(tmp_path, f"case{n}", n, tumor=n % 2 == 0) for n in range(4)]
    one = Annotation(frozenset({"liver"}))
    cases[2:] = [replace(case, annotated=one) for case in cases[2:]]
    held_out = replace(write_case(tmp_path, "held-out", 90, tumor=True), split="validation")
    options = {"steps": 120, "patch": [24, 24, 24], "learning_rate": 5e-3, "averaging": 0.95}
    config = write_config(tmp_path, [*cases, held_out], **options)

    card = train_cohort(load_config(config), device="cpu").card

    found = {row["organ"]: row["dice"] for row in card.evaluation}
    assert found["liver"] > 0.6
    assert found["kidney"] > 0.6


def test_a_model_can_be_trained_on_and_to_other_organs(finished: Path, tmp_path: Path) -> None:
    cases = three_cases(tmp_path)
    further: dict[str, Any] = {"start_from": "tiny-v1", "models_dir": str(finished / "out")}
    further |= {"network": None, "input": None, "patch": None, "learning_rate": 1e-8, "steps": 1}

    notes, weights = [], []
    for name, organs in (("same", None), ("other", ["liver"])):
        own = {"output": name, "id": f"{name}-v1", "organs": organs}
        config = write_config(tmp_path, cases, **further, **own)
        card = train_cohort(load_config(config), device="cpu").card
        notes.append(card.source["weights"])
        weights.append(load_weights(card))

    start = load_weights(load_card(finished / "out" / "tiny-v1.json"))
    assert notes[0] == "The weights are those of 'tiny-v1', trained on."
    assert "of 3 channels 3 mean the same there" in notes[1]
    for name, tensor in start.items():
        np.testing.assert_allclose(weights[0][name], tensor, atol=1e-6)
    changed = [name for name in start if weights[1][name].shape != start[name].shape]
    assert len(changed) == 2
    rows = [0, 1, 3]  # background, liver, tumors of the liver
    for name, tensor in weights[1].items():
        there = start[name][rows] if name in changed else start[name]
        np.testing.assert_allclose(tensor, there, atol=1e-6)


def test_tumors_that_the_critic_does_not_find_again_are_left_out_and_counted(
    finished: Path, tmp_path: Path
) -> None:
    models = {"models_dir": str(finished / "out")}
    synthetic = {"probability": 1.0, "min_quality": 1.0, "critic": "tiny-v1", "tries": 1}
    cases = [write_case(tmp_path, "one", 1, tumor=False)]
    config = write_config(tmp_path, cases, **models, synthetic=synthetic, steps=2)

    train_cohort(load_config(config), device="cpu")

    with (tmp_path / "out" / "run" / "history.csv").open(newline="") as file:
        assert [(row["made"], row["no_room"]) for row in csv.DictReader(file)] == [("0", "2")] * 2
    assert "in 0 of 4 patches; 4 more were to have one" in (tmp_path / "out/report.md").read_text()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_network_of_nnunets_learns_at_all_levels(tmp_path: Path, optimizer: str) -> None:
    network = {
        "name": "plain_unet",
        "args": {
            "n_stages": 3,
            "features_per_stage": [4, 8, 8],
            "kernel_sizes": [[3, 3, 3]] * 3,
            "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
            "n_conv_per_stage": [1, 1, 1],
            "n_conv_per_stage_decoder": [1, 1],
        },
    }
    options = {"network": network, "optimizer": optimizer, "precision": "bf16", "steps": 2}
    config = write_config(tmp_path, three_cases(tmp_path)[:1], **options)

    card = train_cohort(load_config(config), device="cpu").card

    assert card.network.name == "plain_unet"
    assert all(bool(tensor.isfinite().all()) for tensor in load_weights(card).values())


def test_memory_does_not_grow_with_the_steps(tmp_path: Path) -> None:
    config = write_config(tmp_path, three_cases(tmp_path), steps=80, checkpoint_every=20)

    # In a process of its own: what earlier tests left behind may come and go at any moment here.
    command = [sys.executable, "-c", WATCHED, str(config)]
    told = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
    used = [int(word) for word in told.stdout.splitlines()[-1].split()]

    assert len(used) > 80
    assert used[-1] - used[-41] < 8 << 20
