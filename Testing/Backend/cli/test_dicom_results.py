"""DICOM results through the command: written, refused, without patient, alone as in a cohort."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest

from atlastumor.cli import main
from atlastumor.cohorts.case import CohortCase
from atlastumor.cohorts.settings import make_settings
from atlastumor.cohorts.working import CaseTask, run_case
from atlastumor.deidentify import make_key

from ..scans.bodies import a_scan
from ..scans.broken_files import save_nifti
from ..scans.dicom_series import write_dicom_series
from ..watching.process import MODEL, a_models_folder  # noqa: F401 - a fixture

ALL = "dicom-seg,dicom-sr,dicom-sc"
NAME = "Zwetschgenbaum"


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture
def options(a_models_folder: Path) -> tuple[object, ...]:  # noqa: F811
    return ("--model", MODEL, "--models-dir", a_models_folder, "--device", "cpu", "--no-report")


@pytest.fixture
def a_series(tmp_path: Path) -> Path:
    def change(dataset: pydicom.Dataset, _k: int) -> None:
        dataset.PatientName, dataset.PatientID = f"{NAME}^Kunigunde", "PAT-4711"

    write_dicom_series(a_scan(), tmp_path / "series", change=change)
    return tmp_path / "series"


def test_segment_writes_seg_report_and_key_images(tmp_path, a_series, options):
    assert run("segment", a_series, "-o", tmp_path / "out", *options, "--format", ALL) == 0

    files = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.dcm")}
    assert {"segmentation.dcm", "report.dcm"} < files
    n_lesions = len((tmp_path / "out" / "lesions.csv").read_text().splitlines()) - 1
    assert sum(name.startswith("key_images/") for name in files) == n_lesions > 0
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert files < set(record["files"])


@pytest.mark.parametrize("name", ALL.split(","))
def test_a_scan_that_is_not_dicom_is_refused_before_the_network_runs(
    tmp_path, options, capfd, name
):
    scan = save_nifti(tmp_path / "ct.nii.gz", a_scan().array)

    assert run("segment", scan, "-o", tmp_path / "out", *options, "--format", name) == 3

    told = capfd.readouterr().err
    assert "needs a DICOM series as input; this scan is nifti" in told
    assert not (tmp_path / "out").exists()


def test_without_patient_nothing_names_one(tmp_path, a_series, options):
    key = make_key(tmp_path / "key")
    words = (*options, "--format", ALL, "--deidentify", key)

    assert run("segment", a_series, "-o", tmp_path / "out", *words) == 0

    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [
        p for p in files if NAME.encode() in p.read_bytes() or b"PAT-4711" in p.read_bytes()
    ]
    for path in (tmp_path / "out").rglob("*.dcm"):
        assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"


def test_de_identifying_what_names_nobody_is_refused(tmp_path, a_series, options, capfd):
    words = (*options, "--deidentify", make_key(tmp_path / "key"))

    assert run("segment", a_series, "-o", tmp_path / "out", *words) == 3

    assert "Only DICOM results name a patient" in capfd.readouterr().err


def test_a_missing_key_is_told_before_the_network_runs(tmp_path, a_series, options, capfd):
    words = (*options, "--format", ALL, "--deidentify", tmp_path / "key")

    assert run("segment", a_series, "-o", tmp_path / "out", *words) == 3

    assert "The key file 'key' cannot be read" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("is_secret", [False, True])
def test_a_case_of_a_cohort_has_the_bytes_of_a_single_run(
    tmp_path,
    a_series,
    a_models_folder,  # noqa: F811
    options,
    monkeypatch,
    is_secret,
):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    key = make_key(tmp_path / "key") if is_secret else None
    settings = make_settings(
        model=MODEL,
        models_dir=a_models_folder,
        formats=tuple(ALL.split(",")),
        report=False,
        deidentify=key,
    )
    words = (*options, "--format", ALL, *(("--deidentify", key) if key else ()))

    assert run("segment", a_series, "-o", tmp_path / "single", *words) == 0
    run_case(CaseTask(CohortCase("c", a_series), "t", tmp_path / "case", settings, "cpu"))

    singles = {p.relative_to(tmp_path / "single"): p for p in (tmp_path / "single").rglob("*.*")}
    alike = [name for name in singles if name.suffix != ".json"]
    assert len(alike) > 5
    for name in alike:
        assert (tmp_path / "case" / name).read_bytes() == singles[name].read_bytes(), name
