"""`atlastumor synthesize-cohort` as a user and as a program meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.models.weights import save_weights
from atlastumor.networks import build_network
from atlastumor.organs import find_organ
from Backend.batch.healthy_folders import hash_tree, load, save, write_flat, write_folder
from Backend.synthesis.made_case import make_case

from ..models.card_examples import card_data

COMMON = ("--per-scan", 2, "--mix", "1:0:0", "--organs", "liver", "--model", "tiny-v1")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that calls every voxel a tumor of the liver."""
    return write_model(tmp_path_factory.mktemp("models"), [-9.0, -9.0, 9.0])


def write_model(folder: Path, bias: list[float]) -> Path:
    card = card_data() | {"id": "tiny-v1", "thresholds": {"liver": None}}
    card["input"]["spacing_mm"] = [8.0, 8.0, 8.0]
    card["inference"]["patch"] = [32, 32, 32]
    card["postprocess"]["organ_margin_mm"] = None
    weights = build_network("segresnet", 3, card["network"]["args"]).state_dict()
    for name, value in weights.items():
        if value.shape == (3,) and name.endswith("bias"):
            value[:] = value.new_tensor(bias)
    sha256, size = save_weights(weights, folder / "tiny.safetensors")
    card["weights"] = {"file": "tiny.safetensors", "sha256": sha256, "bytes": size}
    (folder / "tiny.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("healthy")
    write_flat(folder, "a", seed=1)
    write_folder(folder, "b", seed=2)
    return folder


def run(healthy: Path, models: Path, out: Path, *words: object) -> int:
    command = ("synthesize-cohort", healthy, "-o", out, "--models-dir", models, *COMMON, *words)
    return main([str(word) for word in command])


def test_the_command_of_the_manual_writes_both_layouts_and_a_record(
    healthy: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, out = hash_tree(healthy), tmp_path / "out"

    assert run(healthy, models, out, "--min-quality", 0, "--seed", 3) == 0

    assert hash_tree(healthy) == before
    said = capsys.readouterr().out
    assert "4 synthetic tumors in 2 scans." in said
    assert "100%" in said
    record = json.loads((out / "cohort.json").read_text())
    assert record["is_complete"]
    assert record["settings"]["seed"] == 3
    assert record["settings"]["critic"]["model"] == "tiny-v1"
    assert record["acceptance"] == [
        {
            "method": "handcrafted",
            "organ": "liver",
            "kept": 4,
            "not_found": 0,
            "not_plausible": 0,
            "found_before": 0,
            "rejected": 0,
            "no_room": record["acceptance"][0]["no_room"],
            "rate": 1.0,
        }
    ]
    data = out / "nnunet" / "Dataset900_AtlasTumorSynthetic"
    assert json.loads((data / "dataset.json").read_text())["numTraining"] == 2
    for name in "ab":
        assert (out / name / "segmentations" / "liver_lesion.nii.gz").is_file()
        labels = load(out / name / "labels.nii.gz")
        assert (labels == find_organ("liver").tumor_label).any()
        header = nibabel.load(data / "imagesTr" / f"{name}_0000.nii.gz").header
        assert bytes(header["descrip"].item()).startswith(b"SYNTHETIC")


def test_the_same_seed_writes_the_same_bytes_in_one_run_or_two(
    healthy: Path, models: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    half.mkdir()
    (half / "a.nii.gz").symlink_to(healthy / "a.nii.gz")
    (half / "a_labels.nii.gz").symlink_to(healthy / "a_labels.nii.gz")

    codes = [
        run(healthy, models, tmp_path / "one", "--method", "cellular", "--tries", 2),
        run(half, models, tmp_path / "two", "--method", "cellular", "--tries", 2),
        run(healthy, models, tmp_path / "two", "--method", "cellular", "--tries", 2),
    ]

    assert codes == [0, 0, 0]
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")
    record = json.loads((tmp_path / "one" / "cohort.json").read_text())
    assert record["settings"]["shape"] == "automaton"


def test_programs_hear_rising_progress_and_every_problem(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "healthy"
    write_flat(folder, "a")
    (folder / "bad").mkdir()

    assert run(folder, models, tmp_path / "out", "--json-progress") == 0

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [one["fraction"] for one in said if one["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] >= 0.9
    assert said[-1]["event"] == "result"
    assert [Path(name).name for name in said[-1]["files"]] == ["cohort.json", "dataset.json"]
    assert [one["case"] for one in said[-1]["problems"]] == ["bad"]
    notes = [one["message"] for one in said if one["event"] == "note"]
    assert any(note.startswith("bad: Its folder holds no 'ct.nii.gz'") for note in notes)


def test_cases_that_are_made_again_are_told(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_flat(tmp_path / "healthy", "a")
    run(tmp_path / "healthy", models, tmp_path / "out")
    assert "made again" not in capsys.readouterr().err
    os.utime(tmp_path / "healthy" / "a.nii.gz", ns=(1, 1))
    os.utime(tmp_path / "healthy" / "a_labels.nii.gz", ns=(1, 1))

    run(tmp_path / "healthy", models, tmp_path / "out")

    said = "Finished cases made again, as their scans have changed since: 1 (a)."
    assert said in capsys.readouterr().err


def test_the_model_finds_organs_that_nothing_outlines(models: Path, tmp_path: Path) -> None:
    """It calls all tumor: in a healthy scan, all liver."""
    case = make_case((3.0, 3.0, 4.0))
    save(tmp_path / "healthy" / "a.nii.gz", case.scan)

    assert (
        run(tmp_path / "healthy", models, tmp_path / "out", "--per-scan", 1, "--min-quality", 0)
        == 0
    )

    record = json.loads((tmp_path / "out" / "a" / "result.json").read_text())
    assert record["input"]["organs"] == "model"
    (tumor,) = record["tumors"]
    labels = load(tmp_path / "out" / "a" / "labels.nii.gz")
    i, j, k = (slice(*side) for side in tumor["lesion"]["box"])
    assert (labels == 27).sum() == (labels[i, j, k] == 27).sum() > 0
    assert (labels == 5).sum() > 10 * (labels == 27).sum()


def test_scans_with_fewer_tumors_than_asked_for_are_named(
    healthy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    blind = write_model(tmp_path / "models", [9.0, -9.0, -9.0])

    assert run(healthy, blind, tmp_path / "out", "--tries", 2) == 0

    said = capsys.readouterr()
    assert "a: It has 0 of 2 tumors" in said.err
    assert "0 synthetic tumors in 2 scans." in said.out
    assert np.array_equal(load(tmp_path / "out/a/ct.nii.gz"), load(healthy / "a.nii.gz"))


BAD_WORDS = [
    (["--mix", "4:2"], 2, "is not S:M:L"),
    (["--mix", "a:b:c"], 2, "is not S:M:L"),
    (["--per-scan", "0"], 2, "whole number from 1"),
    (["--tries", "0"], 2, "whole number from 1"),
    (["--organs", "spleen"], 2, "no organ 'spleen'"),
    (["--method", "magic"], 2, "no method 'magic'"),
    (["--method", "freetumor", "--organs", "liver,colon"], 3, "does not know: colon"),
    (["--model", "magic"], 2, "magic"),
    (["--mix", "0:0:0"], 3, "leaves no tumor to draw"),
    (["--min-quality", "1.2"], 3, "a share from 0 to 1"),
    (["--min-quality", "nan"], 3, "a share from 0 to 1"),
    (["--dataset-id", "1000"], 3, "1 to 999"),
]


@pytest.mark.parametrize(
    ("words", "code", "says"), BAD_WORDS, ids=[" ".join(words) for words, _, _ in BAD_WORDS]
)
def test_bad_options_end_in_one_line_and_write_nothing(
    healthy: Path,
    models: Path,
    words: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(healthy, models, tmp_path / "out", *words) == code

    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_method_that_knows_few_organs_grows_tumors_in_these_alone(
    healthy: Path, models: Path, tmp_path: Path
) -> None:
    words = ("--models-dir", models, "--model", "tiny-v1", "--method", "freetumor")

    code = main([str(x) for x in ("synthesize-cohort", healthy, "-o", tmp_path / "out", *words)])

    assert code == 3  # its weights are not there
    settings = json.loads((tmp_path / "out" / "cohort.json").read_text())["settings"]
    assert settings["organs"] == ["liver", "pancreas", "kidney"]


@pytest.mark.parametrize("name", ["missing", "empty", "a.nii.gz"])
def test_a_folder_without_cases_ends_in_one_line_and_writes_nothing(
    healthy: Path, models: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in" / "empty").mkdir(parents=True)
    folder = healthy / name if name == "a.nii.gz" else tmp_path / "in" / name

    assert run(folder, models, tmp_path / "out") == 3

    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_going_on_with_other_options_is_refused(
    healthy: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(healthy, models, tmp_path / "out", "--seed", 1) == 0
    before = hash_tree(tmp_path / "out")
    capsys.readouterr()

    assert run(healthy, models, tmp_path / "out", "--seed", 2) == 3

    assert "seed 1 instead of 2" in capsys.readouterr().err
    assert hash_tree(tmp_path / "out") == before
