"""Bad configurations are refused by the key that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlastumor.cli import main
from atlastumor.errors import InputError
from atlastumor.scaling.config import load_scaling
from Backend.scaling.tiny_study import TRAINING, write_cohorts, write_study

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"fold": [1]}, "config.fold is not a key"),
    "no size": ({"sizes": []}, "config.sizes must have 1 to"),
    "size below one": ({"sizes": [0, 2]}, r"config.sizes\[0\] must be at least 1"),
    "size twice": ({"sizes": [2, 2]}, "config.sizes must not repeat an item"),
    "half a scan": ({"sizes": [1.5]}, r"config.sizes\[0\] must be an integer"),
    "less than nothing": ({"folds": [-1]}, r"config.folds\[0\] must be at least 0"),
    "no set": ({"held_out": {}}, "held_out names no cohort"),
    "a list of sets": ({"held_out": ["held-out.json"]}, "config.held_out must be an object"),
    "strange rule": ({"evaluation": {"hit": "luck"}}, "config.evaluation.hit must be one of"),
    "its own seed": ({"training": {**TRAINING, "seed": 1}}, "training.seed is set by the study"),
    "its own cohorts": (
        {"training": {**TRAINING, "cohorts": ["a"]}},
        "training.cohorts is set by the study",
    ),
    "its own share": (
        {"training": {**TRAINING, "synthetic": {"probability": 0.5}}},
        "training.synthetic.probability follows from folds",
    ),
    "bad training": ({"training": {**TRAINING, "steps": 0}}, "training.steps must be at least 1"),
    "strange training": ({"training": {"epochs": 3}}, "training.epochs is not a key"),
    "no training": ({"training": 3}, "config.training must be an object"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_key_is_named(name: str, tmp_path: Path) -> None:
    more, message = BAD[name]

    with pytest.raises(InputError, match=message):
        load_scaling(write_study(tmp_path, **more))


def test_what_is_missing_or_no_json_is_said(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    for text, message in (
        ("{}", "cohorts is missing"),
        ("{", "is not valid JSON"),
        ('{"sizes": [1], "sizes": [2]}', "comes twice"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            load_scaling(path)


def test_the_command_says_it_in_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_study(tmp_path, sizes=[0])

    codes = [
        main(["scaling", str(config), "-o", str(tmp_path / "out")]),
        main(["scaling", str(tmp_path / "none.json"), "-o", str(tmp_path / "out")]),
        main(["scaling", str(config), "-o", "out", "--workers", "2", "--gpus", "0"]),
    ]

    assert codes == [3, 3, 2]
    assert "'study.json' cannot be used: config.sizes[0]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_no_cell_could_be_trained_with_is_said_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cohorts(tmp_path)
    config = write_study(tmp_path, training={**TRAINING, "patch": [18, 16, 16]})

    code = main(["scaling", str(config), "-o", str(tmp_path / "out"), "--device", "cpu"])

    assert code == 3
    assert capsys.readouterr().err.startswith("atlastumor: The patch is (18, 16, 16); this network")
    assert not (tmp_path / "out").exists()


def test_a_study_asks_for_three_folds_and_three_seeds_where_nothing_is_said(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    text = path.read_text().replace('"folds": [0, 3], "seeds": [1], ', "")
    path.write_text(text)

    config = load_scaling(path)

    assert config.folds == (0.0, 3.0)
    assert config.seeds == (1, 2, 3)
    assert config.held_out == {"held-out": tmp_path.resolve() / "held-out.json"}
