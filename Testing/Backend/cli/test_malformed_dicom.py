"""Malformed DICOM through the commands: one alone, and all of it among good scans."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from atlastumor.cli import main

from ..scans.bodies import a_scan
from ..scans.dicom_series import write_dicom_series
from ..scans.malformed_dicom import MALFORMED, Malformed
from ..watching.process import MODEL, a_models_folder  # noqa: F401 - a fixture


def run(*words: object) -> int:
    return main([str(word) for word in words])


def build(one: Malformed, folder: Path) -> Path:
    """Make the input; what pydicom says against writing such things is left out."""
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return one.build(folder)


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in MALFORMED])
def test_each_is_handled_or_refused_by_the_name_of_the_problem(
    one: Malformed,
    tmp_path: Path,
    a_models_folder: Path,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
) -> None:
    path, out = build(one, tmp_path / "input"), tmp_path / "out"
    options = ("--model", MODEL, "--models-dir", a_models_folder, "--no-report")

    code = run("segment", path, "-o", out, "--device", "cpu", *options)

    told = capfd.readouterr().err
    if one.is_handled:
        assert code == 0
        assert one.says in (out / "result.json").read_text()
    else:
        assert (code, told.count("\n")) == (3, 1)
        assert one.says in told
        assert not out.exists()


def test_among_good_scans_each_fails_alone_and_says_why(
    tmp_path: Path,
    a_models_folder: Path,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
) -> None:
    chosen = [one for one in MALFORMED if not one.name.endswith(" missing")]
    for n, one in enumerate(chosen):
        build(one, tmp_path / "in" / f"{n:02d}")
    for name in ("good-1", "good-2"):
        write_dicom_series(a_scan(), tmp_path / "in" / name)
    out = tmp_path / "out"
    options = ("--model", MODEL, "--models-dir", a_models_folder, "--no-report", "--device", "cpu")

    code = run("batch", tmp_path / "in", "-o", out, *options, "--workers", "1")

    told = capfd.readouterr().err
    assert code == 3
    n_results = 2 + sum(one.n_results for one in chosen)
    assert len(list((out / "cases").glob("*/labels.nii.gz"))) == n_results
    refused = [one for one in chosen if not one.n_results]
    assert {one.name for one in refused if (one.cohort_says or one.says) not in told} == set()
    assert told.count("quarantined.") == sum(not one.cohort_says for one in refused)
    assert "Traceback" not in told
    assert str(tmp_path / "in") not in told
