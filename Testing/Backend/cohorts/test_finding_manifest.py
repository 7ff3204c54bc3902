from __future__ import annotations

import time
from pathlib import Path

import pytest

from atlastumor.cohorts.finding import find_cohort
from atlastumor.errors import InputError

from .places import ids, pack, rules, touch, write_series


def test_a_manifest_names_scans_beside_it_and_what_they_are_called(tmp_path: Path) -> None:
    touch(tmp_path / "scans/a.nii.gz")
    touch(tmp_path / "scans/a_seg.nii.gz")
    path = touch(
        tmp_path / "cohort.csv",
        f"id,path\nfirst,scans/a.nii.gz\n,{tmp_path}/scans/a_seg.nii.gz\n\n",
    )

    assert ids(path) == ["a_seg", "first"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffPath;ID\r\nä b.nii.gz;one\r\n",
        "sep=;\r\nid;path\r\none;ä b.nii.gz\r\n",
        'path\tnote\tid\n"ä b.nii.gz"\t"x, y"\tone\n',
    ],
)
def test_manifests_are_read_as_excel_writes_them(text: str, tmp_path: Path) -> None:
    touch(tmp_path / "ä b.nii.gz")

    assert ids(touch(tmp_path / "cohort.csv", text)) == ["one"]


def test_a_bad_line_is_a_problem_of_its_number_and_the_others_count(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        touch(tmp_path / f"{name}.nii.gz")
    lines = [
        "path,id,series",
        "a.nii.gz,one,",
        "missing.nii.gz,,",
        "b.nii.gz,one,",
        "b.nii.gz,x/y,",
        ",nothing,",
        '"b.nii.gz,,',
        "b.nii.gz,,,more",
        "a.nii.gz,two,",
        "c.nii.gz,,1.2.3",
        "cohort.csv,,",
        "b.nii.gz",
    ]
    found = find_cohort([touch(tmp_path / "cohort.csv", "\n".join(lines))])

    assert [case.id for case in found.cases] == ["b", "one"]
    said = {one.case: one.message for one in found.problems}
    assert list(said) == [f"cohort.csv, line {n}" for n in range(3, 12)]
    for number, words in {
        3: "cannot be read",
        4: "given to two scans",
        5: "'x_y' could",
        6: "names no path",
        7: "quotation marks",
        8: "more columns",
        9: "is called 'one' before",
        10: "is not DICOM",
        11: "no known format",
    }.items():
        assert words in said[f"cohort.csv, line {number}"]


@pytest.mark.parametrize("text", ["", "file,id\na,b\n", "path,path\n"])
def test_a_manifest_without_its_columns_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column"):
        find_cohort([touch(tmp_path / "cohort.csv", text)])


def test_a_manifest_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    path.write_bytes("path\nä.nii\n".encode("latin-1"))

    with pytest.raises(InputError, match="CSV UTF-8"):
        find_cohort([path])


def test_a_line_chooses_its_own_series(tmp_path: Path) -> None:
    write_series(tmp_path / "study/1", 1)
    uid = write_series(tmp_path / "study/2", 2)
    pack(tmp_path / "study", tmp_path / "study.zip")
    lines = f"path,id,series\nstudy,late,{uid}\nstudy.zip,both,all\n"

    found = find_cohort([touch(tmp_path / "cohort.csv", lines)])

    assert [(case.id, case.series) for case in found.cases] == [("late", uid)]
    assert rules(found)[2] == (True, "asked for by its UID")
    assert "names 2 scans to be called 'both'" in found.problems[0].message


def test_one_series_in_two_places_is_one_case_in_two_lines_too(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 1)
    pack(tmp_path / "a", tmp_path / "a.zip")

    found = find_cohort([touch(tmp_path / "cohort.csv", "path,id\na,one\na.zip,\n")])

    assert [case.id for case in found.cases] == ["one"]
    assert found.choices[0].case == "one"


def test_thousands_of_lines_are_read_in_seconds(tmp_path: Path) -> None:
    scans = [tmp_path / f"{n}.nii.gz" for n in range(2_000)]
    for scan in scans:
        scan.touch()
    lines = "\n".join(f"{scan},case{n}" for n, scan in enumerate(scans))
    path = touch(tmp_path / "cohort.csv", f"path,id\n{lines}\n")

    start = time.process_time()
    found = find_cohort([path])

    assert time.process_time() - start < 2.0
    assert len(found.cases) == 2_000
