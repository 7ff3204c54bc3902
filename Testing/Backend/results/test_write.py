"""Whole results, as a user finds them in the folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

import atlastumor
from atlastumor.errors import InputError, OutputError, UnknownKeyError
from atlastumor.results import nifti, write_results
from Backend.results.examples import FakeProbability, make_provenance

ALL = ["labels.nii.gz", "lesions.csv", "overview.png", "report.html", "result.json"]


def names_in(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def test_a_result_has_its_files_and_names_them(a_segmentation, a_scan, a_folder):
    written = write_results(a_segmentation, a_scan, a_folder)

    assert names_in(a_folder) == ALL
    assert sorted(path.name for path in written) == ALL
    assert written[-1] == a_folder / "result.json"
    assert all(path.is_file() for path in written)


def test_everything_asked_for_is_there(a_segmentation, a_scan, a_folder):
    segmentation = replace(a_segmentation, probabilities={"liver": FakeProbability()})

    write_results(segmentation, a_scan, a_folder, formats=("nifti", "seg.nrrd"), report=False)

    assert names_in(a_folder) == [
        "labels.nii.gz",
        "lesions.csv",
        "probabilities/liver_tumor.nii.gz",
        "result.json",
        "segmentation.seg.nrrd",
    ]


def test_the_record_hashes_every_file(a_segmentation, a_scan, a_folder):
    write_results(a_segmentation, a_scan, a_folder, report=False)

    files = json.loads((a_folder / "result.json").read_text())["files"]
    assert sorted([*files, "result.json"]) == names_in(a_folder)
    for name, identity in files.items():
        raw = (a_folder / name).read_bytes()
        assert identity == {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}


def test_nothing_found_is_a_result_too(a_clean_segmentation, a_scan, a_folder):
    write_results(a_clean_segmentation, a_scan, a_folder, formats=("seg.nrrd",))

    record = json.loads((a_folder / "result.json").read_text())
    assert record["lesions"] == record["organs_in_view"] == []
    assert not np.asarray(nibabel.load(a_folder / "labels.nii.gz").dataobj).any()
    assert "No tumor was found" in (a_folder / "report.html").read_text()


def test_equal_runs_give_equal_files(a_segmentation, a_scan, tmp_path):
    later = make_provenance(
        a_scan.grid, created="2027-01-01T00:00:00+00:00", stage_seconds={}, peak_host_bytes=1
    )
    first = replace(a_segmentation, probabilities={"liver": FakeProbability()})
    again, second = replace(first), replace(first, provenance=later)

    for name, segmentation in (("first", first), ("again", again), ("second", second)):
        write_results(segmentation, a_scan, tmp_path / name, formats=("seg.nrrd",))

    timed = {"result.json", "report.html"}  # these tell when, and how long it took
    for name in names_in(tmp_path / "first"):
        raw = (tmp_path / "first" / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == raw
        assert ((tmp_path / "second" / name).read_bytes() == raw) == (name not in timed)


def test_a_second_run_without_report_takes_the_old_report_away(a_segmentation, a_scan, a_folder):
    write_results(a_segmentation, a_scan, a_folder)
    write_results(a_segmentation, a_scan, a_folder, report=False)

    assert names_in(a_folder) == ["labels.nii.gz", "lesions.csv", "result.json"]


def test_an_unknown_format_is_refused_before_anything_is_written(a_segmentation, a_scan, a_folder):
    with pytest.raises(UnknownKeyError, match=r"dicom-sr, nifti, seg\.nrrd"):
        write_results(a_segmentation, a_scan, a_folder, formats=("bmp",))

    assert not a_folder.exists()


def test_dicom_seg_of_a_scan_that_was_no_dicom_is_refused(a_segmentation, a_scan, a_folder):
    with pytest.raises(InputError, match="needs a DICOM series as input; this scan is nifti"):
        write_results(a_segmentation, a_scan, a_folder, formats=("dicom-seg",))

    assert not a_folder.exists()


def test_a_disk_that_fills_up_leaves_nothing(a_segmentation, a_scan, a_folder, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(nifti, "_write", full)

    with pytest.raises(OutputError, match="disk is full"):
        write_results(a_segmentation, a_scan, a_folder)

    assert list(a_folder.parent.iterdir()) == []


def test_progress_rises_to_one(a_segmentation, a_scan, a_folder):
    seen = []

    write_results(
        a_segmentation, a_scan, a_folder, report=False, progress=lambda done, _: seen.append(done)
    )

    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_results_are_written_without_torch():
    modules = ("nifti", "nrrd", "dicom_seg", "report", "write")
    imports = "; ".join(f"import atlastumor.results.{name}" for name in modules)
    code = f"import sys; {imports}; print('torch' in sys.modules)"
    backend = Path(atlastumor.__file__).parents[1]

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=backend
    )

    assert done.stdout.strip() == "False"


def test_of_hundreds_of_tumors_all_are_in_table_and_record_and_notes_say_which_are_segments(
    many_tumors, a_scan, a_folder
):
    write_results(many_tumors, a_scan, a_folder, formats=("seg.nrrd",), report=False)

    record = json.loads((a_folder / "result.json").read_text())
    assert len(record["lesions"]) == 242
    assert len((a_folder / "lesions.csv").read_text().splitlines()) == 243
    (note,) = record["notes"]
    assert note.startswith("The 100 largest tumors of each organ have a segment of their own")


def test_few_tumors_leave_no_note(a_segmentation, a_scan, a_folder):
    write_results(a_segmentation, a_scan, a_folder, formats=("seg.nrrd",), report=False)

    assert json.loads((a_folder / "result.json").read_text())["notes"] == []
