"""What a configuration may say, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from atlastumor.batch.cases import Problem
from atlastumor.cli import main
from atlastumor.cotraining import running
from atlastumor.cotraining.config import SyntheticOptions, TrainingConfig, load_config
from atlastumor.cotraining.optimizing import learning_rate_at
from atlastumor.cotraining.running import TrainedModel
from atlastumor.cotraining.starting import draft_card
from atlastumor.cotraining.synthetic import check_synthetic
from atlastumor.errors import AtlasTumorError, CardError, InputError
from atlastumor.organs import select_organs
from atlastumor.training.channels import list_outputs
from Backend.cotraining.tiny_cohort import INPUT, write_case, write_config


def write(folder: Path, **keys: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({"cohorts": ["cohort.json"], "output": "out", **keys}))
    return path


def test_two_keys_suffice_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path))

    assert config == TrainingConfig((tmp_path / "cohort.json",), tmp_path / "out")
    assert config.synthetic.mix == (4.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"steps": 0}, "config.steps must be at least 1, not 0"),
        ({"synthetic": {"probability": 2}}, "config.synthetic.probability must be at most 1"),
        ({"patches": 3}, "config.patches is not a key"),
        ({"organs": ["spleen"]}, "There is no organ 'spleen'"),
        ({"patch": [16, 16]}, "config.patch must have 3 items"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(
    tmp_path: Path, keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(AtlasTumorError, match=said.replace("[", r"\[")):
        load_config(write(tmp_path, **keys))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"patch": [15, 16, 16]}, "needs multiples of (4, 4, 4)"),
        ({"network": {"name": "net", "args": {}}}, "network.name must be one of"),
        ({"input": {"orientation": "RAS"}}, "input.spacing_mm is missing"),
        ({"input": {}}, "input.orientation is missing"),
        ({"input": {**INPUT, "normalize": "zscore_image"}}, "depends on the whole scan"),
        ({"organs": ["uterus"]}, "No training case is annotated for uterus"),
        (
            {"organs": ["liver", "pancreas", "kidney"]},
            "No training case is annotated for pancreas; annotated is liver, kidney. Take it out",
        ),
        ({"id": "atlastumor-phantom-v0"}, "choose another `id`"),
        ({"id": "two-opinions"}, "The id 'two-opinions' is taken by this package"),
        ({"start_from": "nobody-v1"}, "There is no model 'nobody-v1'"),
        ({"synthetic": {"method": "magic"}}, "There is no method 'magic'"),
        ({"synthetic": {"min_quality": 0.5, "critic": "nobody"}}, "There is no model 'nobody'"),
        ({"synthetic": {"mix": [0, 0, 0]}}, "The mix 0:0:0 leaves no tumor to draw"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: dict[str, Any], said: str
) -> None:
    config = write_config(tmp_path, [write_case(tmp_path, "one", 0, tumor=True)], **keys)

    code = main(["train", str(config), "--device", "cpu"])

    assert code in (2, 3)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model_id", ["config", "cohort"])
def test_a_model_is_not_written_over_a_file_of_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model_id: str
) -> None:
    cases = [write_case(tmp_path, "one", 0, tumor=True)]
    config = write_config(tmp_path, cases, output=".", id=model_id)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    code = main(["train", str(config), "--device", "cpu"])

    assert code == 3
    assert f"holds a file {model_id}.json that `atlastumor train` did" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_empty_card_as_a_crash_leaves_it_may_be_replaced(tmp_path: Path) -> None:
    cases = [write_case(tmp_path, "one", 0, tumor=True)]
    config = load_config(write_config(tmp_path, cases, output="."))
    (tmp_path / "tiny-v1.json").touch()

    assert draft_card(config, cases, None).id == "tiny-v1"


def test_an_input_that_cannot_be_is_said_of_the_configuration(tmp_path: Path) -> None:
    cases = [write_case(tmp_path, "one", 0, tumor=True)]
    config = load_config(write_config(tmp_path, cases, input=INPUT | {"clip_hu": [300, -200]}))

    with pytest.raises(CardError, match=r"The model that the configuration describes .*clip_hu"):
        draft_card(config, cases, None)


def test_of_several_processes_the_first_alone_names_skipped_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(tmp_path, [write_case(tmp_path, "one", 0, tumor=True)])
    told = []
    for files in ((tmp_path / "model.json",), ()):
        trained = TrainedModel(Mock(), files, (Problem("bad", "It is empty."),))
        monkeypatch.setattr(running, "train_cohort", Mock(return_value=trained))
        assert main(["train", str(config)]) == 0
        told.append(capsys.readouterr().err)

    assert told == ["Skipped bad: It is empty.\n", ""]


def test_a_critic_that_cannot_judge_is_refused_before_scans_are_prepared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned, judged = (list_outputs(select_organs(k)) for k in (["liver", "kidney"], ["liver"]))
    opened = Mock(return_value=Mock(card=Mock(outputs=judged)))
    monkeypatch.setattr("atlastumor.inference.engine.Segmenter", opened)
    options = SyntheticOptions(min_quality=0.5, critic="livers-only")

    check_synthetic(options, None, judged)
    with pytest.raises(InputError, match=r"'livers-only' does not look for tumors of kidney,"):
        check_synthetic(options, None, learned)


def test_a_folder_that_cannot_be_written_to_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    cases = [write_case(tmp_path, "one", 0, tumor=True)]
    config = write_config(tmp_path, cases, output="taken")

    code = main(["train", str(config), "--device", "cpu"])

    assert code == 3
    assert "The run cannot be written to" in capsys.readouterr().err


def test_the_learning_rate_rises_and_falls() -> None:
    config = TrainingConfig((), Path(), steps=1000, warmup=9, learning_rate=1.0)

    rates = [learning_rate_at(config, step) for step in (0, 9, 500, 999)]

    assert rates[0] == pytest.approx(0.1)
    assert rates[1] == pytest.approx(0.991**0.9)
    assert rates[2] == pytest.approx(0.5**0.9)
    assert 0 < rates[3] < 0.003
