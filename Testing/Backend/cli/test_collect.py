"""`atlastumor collect` as a user meets it: data sets in, a cohort and a table of copies out."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.collections import load_case, read_cohort, write_cohort
from Backend.collections import data_sets as made
from Backend.collections.data_sets import LIVER, ours


def run(*words: object) -> int:
    return main(["collect", *map(str, words), "--workers", "1"])


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """KiTS and a Decathlon task whose scans are one body, and a folder with another."""
    made.write_kits(tmp_path / "kits")
    made.write_msd(tmp_path)
    own = tmp_path / "own"
    made.save_scan(own / "a/ct.nii.gz", seed=1)
    made.save(own / "a/labels.nii.gz", made.translate(ours(seed=1), {LIVER: LIVER}))
    return tmp_path


def test_data_sets_become_one_cohort_that_can_be_loaded(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(data / "kits", data / "Task07_Pancreas", data / "own", "-o", data / "cohort.json")

    said = capsys.readouterr()
    cohort = read_cohort(data / "cohort.json")
    assert code == 0
    assert [case.id for case in cohort.cases] == [
        "kits/case_00000",
        "kits/case_00001",
        "Task07_Pancreas/pancreas_001",
        "Task07_Pancreas/pancreas_004",
        "own/a",
    ]
    assert "Task07_Pancreas: read as msd, cases: 2." in said.err
    assert "Cases: 5, of 2 different scans." in said.out
    assert load_case(cohort.cases[-1])[1].array.max() == LIVER
    assert all(case.fingerprint and not case.split for case in cohort.cases)


def test_copies_are_listed_and_never_divided(data: Path) -> None:
    for seed in range(4):
        folders = [data / name for name in ("kits", "Task07_Pancreas", "own")]
        code = run(*folders, "-o", data / "c.json", "--validation", 0.5, "--seed", seed)

        with (data / "c_leakage.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        cases = read_cohort(data / "c.json").cases
        assert code == 0
        assert {case.split for case in cases} == {"train", "validation"}
        assert [row["case"] for row in rows] == [case.id for case in cases[:4]]
        assert len({row["split"] for row in rows}) == 1
        assert {row["scan"] for row in rows} == {"1"}


def test_bad_cases_are_named_with_their_reasons_and_the_others_count(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kits = data / "kits"
    whole = (kits / "case_00000/imaging.nii.gz").read_bytes()
    labels = ours()
    bad: dict[str, Any] = {
        "case_00002": (whole[: len(whole) // 2], labels * 0 + 1),
        "case_00003": (whole, labels * 0),
        "case_00004": (whole, labels[:, :, 1:] * 0 + 1),
        "case_00005": (whole, labels * 0 + 7),
        "case_00006": (whole, None),
        "case_00007": (b"", labels * 0 + 1),
        "case_00008": (None, labels * 0 + 1),
    }
    for name, (scan, label) in bad.items():
        (kits / name).mkdir()
        if scan is not None:
            (kits / name / "imaging.nii.gz").write_bytes(scan)
        if label is not None:
            made.save(kits / name / "segmentation.nii.gz", label.astype(np.uint8))

    code = run(kits, "-o", data / "cohort.json", "--json-progress")

    (result,) = [event for event in events(capsys.readouterr().out) if event["event"] == "result"]
    told = {problem["case"]: problem["message"] for problem in result["problems"]}
    assert code == 0
    assert len(read_cohort(data / "cohort.json").cases) == 2
    assert [one.case for one in read_cohort(data / "cohort.json").problems] == list(told)
    reasons = ("truncated", "labels are empty", "voxels", "the value 7", "no label file", "empty")
    for name, reason in zip([*bad][:6], reasons, strict=True):
        assert reason in told[f"kits/{name}"]
    assert "no scan" in told["kits/case_00008"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_names_that_are_no_text_are_a_problem_of_their_cases(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")  # as a process has it
    monkeypatch.setattr(sys, "stderr", stderr)
    strange = data / os.fsdecode(b"K\xfcln")
    (data / "Task07_Pancreas").rename(strange)
    (data / "kits/case_00000").rename(data / "kits" / os.fsdecode(b"case_\xfc"))

    code = run(data / "kits", strange, "-o", data / "cohort.json")

    cohort = read_cohort(data / "cohort.json")
    assert code == 0
    assert [case.id for case in cohort.cases] == ["kits/case_00001"]
    assert [one.case for one in cohort.problems][2:] == ["kits/case_\\udcfc"]
    assert "no text in UTF-8; rename it" in cohort.problems[-1].message
    assert "K\\udcfcln" in capsys.readouterr().out
    assert not list(data.glob(".*"))


def test_a_worker_that_meets_a_bad_case_goes_on(data: Path) -> None:
    (data / "kits/case_00000/imaging.nii.gz").write_bytes(b"\x1f\x8b no gzip")

    code = main(["collect", str(data / "kits"), "-o", str(data / "c.json"), "--workers", "2"])

    assert code == 0
    assert [case.id for case in read_cohort(data / "c.json").cases] == ["kits/case_00001"]


def test_nothing_is_written_if_no_case_can_be_used(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("case_00000", "case_00001"):
        (data / "kits" / name / "imaging.nii.gz").write_bytes(b"")

    code = run(data / "kits", "-o", data / "new/cohort.json")

    assert code == 3
    assert "None of 2 cases can be used. The first: " in capsys.readouterr().err
    assert not (data / "new").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-o", "cohort.txt"], 2, "name a .json file"),
        (["-o", "c.json", "--kind", "btcv"], 2, "There is no kind of collection 'btcv'"),
        (["-o", "c.json", "--validation", "1"], 2, "above 0 and below 1"),
        (["-o", "c.json", "--validation", "0.5"], 3, "There are 1 annotated scans"),
        (["-o", "c.json", "--tumors", "spleen"], 2, "There is no organ 'spleen'"),
    ],
)
def test_what_cannot_be_done_is_said(
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(data)

    assert run(data / "kits", *words) == code
    assert said in capsys.readouterr().err
    assert not list(data.glob("c*.json"))


def test_cohorts_that_share_a_scan_are_not_trained_and_validated_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(data / "kits", "-o", data / "kits.json")
    run(data / "Task07_Pancreas", data / "own", "-o", data / "other.json")
    other = read_cohort(data / "other.json")
    cases = tuple(replace(case, split="validation") for case in other.cases)
    write_cohort(data / "other.json", replace(other, cases=cases))
    config = {"cohorts": ["kits.json", "other.json"], "output": "model"}
    (data / "config.json").write_text(json.dumps(config), encoding="utf-8")

    code = main(["train", str(data / "config.json")])

    assert code == 3
    assert "is a copy of its scan, or a part" in capsys.readouterr().err


def test_two_folders_of_one_name_are_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made.write_kits(data / "other/kits")

    assert run(data / "kits", data / "other/kits", "-o", data / "c.json") == 2
    assert "Two folders are called 'kits'" in capsys.readouterr().err


@pytest.mark.parametrize("share", ["0", "1", "-1", "nan", "1.5"])
def test_a_share_that_divides_nothing_is_refused_before_a_scan_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str
) -> None:
    code = run(tmp_path / "nowhere", "-o", tmp_path / "c.json", f"--validation={share}")

    assert code == 2
    assert f"--validation is {float(share):g}; name a share above 0" in capsys.readouterr().err
