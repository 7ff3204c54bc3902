from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from atlastumor.cohorts.finding import find_cohort
from atlastumor.errors import InputError
from Backend.collections import data_sets

from .places import ids, touch


def test_a_flat_folder_gives_its_scans_in_every_format_and_nothing_hidden(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.nii", "c.nrrd", "d.mha", "._a.nii.gz", "notes.txt", ".x.nii"):
        touch(tmp_path / name)

    assert ids(tmp_path) == ["a", "b", "c", "d"]


def test_labels_beside_their_scans_are_left_out_and_said(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "a_seg.nii.gz", "b.nii.gz", "b_mask.nii.gz", "c.seg.nrrd", "c.nrrd"):
        touch(tmp_path / name)

    found = find_cohort([tmp_path])

    assert [case.id for case in found.cases] == ["a", "b", "c"]
    names = [path.name for path in found.left_out]
    assert names == ["a_seg.nii.gz", "b_mask.nii.gz", "c.seg.nrrd"]


def test_a_name_alone_makes_no_label_map(tmp_path: Path) -> None:
    touch(tmp_path / "flat/patient_seg.nii.gz")
    touch(tmp_path / "labelsTr/case1.nii.gz")
    touch(tmp_path / "segmentations/case2.nii.gz")

    assert ids(tmp_path) == ["case1", "case2", "patient_seg"]


LAYOUTS = {
    "msd": (data_sets.write_msd, ["pancreas_001", "pancreas_004"]),
    "nnunet": (data_sets.write_nnunet, ["case_0001"]),
    "kits": (data_sets.write_kits, ["case_00000", "case_00001"]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_of_a_public_data_set_the_scans_alone_are_taken(name: str, tmp_path: Path) -> None:
    write, expected = LAYOUTS[name]
    root = write(tmp_path)

    assert ids(root) == expected


@pytest.mark.parametrize(
    ("scans", "others", "expected"),
    [
        (["BDMAP_1/ct.nii.gz"], ["BDMAP_1/segmentations/liver.nii.gz"], ["BDMAP_1"]),
        (["BDMAP_1/ct.nii.gz"], ["BDMAP_1/labels.nii.gz"], ["BDMAP_1"]),
        (["ct/B1/ct.nii.gz"], ["label/B1/segmentations/liver.nii.gz"], ["B1"]),
        (["ImageTr/P1/ct.nii.gz"], ["LabelTr/P1/segmentations/liver.nii.gz"], ["P1"]),
        (["TrainingImg/t_1_0000.nii.gz"], ["TrainingMask/t_1.nii.gz"], ["t_1"]),
        (["images/F_1_0000.nii.gz"], ["labels/F_1.nii.gz"], ["F_1"]),
        (
            ["imagesTr/amos_1.nii.gz", "imagesVa/amos_2.nii.gz", "imagesTs/amos_3.nii.gz"],
            ["labelsTr/amos_1.nii.gz", "labelsVa/amos_2.nii.gz"],
            ["amos_1", "amos_2", "amos_3"],
        ),
        (["batch 1/volume-0.nii"], ["batch 1/segmentation-0.nii"], ["volume-0"]),
        (["S/images/n.nii.gz"], ["S/labels/n.nii.gz", "S/labels_grabcut/n.nii.gz"], ["n"]),
    ],
)
def test_layouts_are_told_by_what_lies_beside_what(
    scans: list[str], others: list[str], expected: list[str], tmp_path: Path
) -> None:
    for name in (*scans, *others):
        touch(tmp_path / name)

    found = find_cohort([tmp_path])

    assert [case.id for case in found.cases] == expected
    assert {case.path for case in found.cases} == {tmp_path / name for name in scans}


def test_our_own_results_are_not_taken_for_scans_but_synthetic_scans_are(tmp_path: Path) -> None:
    own = ["labels.nii.gz", "probabilities/liver_tumor.nii.gz", "segmentation.seg.nrrd"]
    for name in own:
        touch(tmp_path / "out/cases/a" / name)
    files = ", ".join(f'"{name}": {{}}' for name in own)
    record = f'{{"schema": "atlastumor-result", "files": {{{files}}}}}'
    touch(tmp_path / "out/cases/a/result.json", record)
    touch(tmp_path / "made/s1/ct.nii.gz")
    touch(tmp_path / "made/s1/labels.nii.gz")
    record = '{"schema": "atlastumor-result", "files": {"ct.nii.gz": {}, "labels.nii.gz": {}}}'
    touch(tmp_path / "made/s1/result.json", record)

    assert ids(tmp_path) == ["s1"]
    assert ids(f"{tmp_path}/**/*.nii.gz") == ["s1"]


def test_folders_that_are_excluded_are_not_looked_into(tmp_path: Path) -> None:
    touch(tmp_path / "a.nii.gz")
    touch(tmp_path / "out/tables/b.nii.gz")

    assert ids(tmp_path, exclude=[tmp_path / "out"]) == ["a"]
    assert ids(f"{tmp_path}/**/*.nii.gz", exclude=[tmp_path / "out"]) == ["a"]


def test_one_file_under_many_names_is_one_case(tmp_path: Path) -> None:
    scan = touch(tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.gz").symlink_to(scan)
    (tmp_path / "elsewhere").symlink_to(tmp_path, target_is_directory=True)

    found = ids(tmp_path, scan, f"{tmp_path}/*.nii.gz", f"{tmp_path}/a*", tmp_path / "elsewhere")

    assert found == ["a"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path / "one/two/a.nii.gz")
    (tmp_path / "one/two/up").symlink_to(tmp_path / "one", target_is_directory=True)
    (tmp_path / "one/self").symlink_to(tmp_path / "one/self", target_is_directory=True)
    (tmp_path / "one/broken.nii.gz").symlink_to(tmp_path / "nowhere")

    assert ids(tmp_path) == ["a"]
    assert ids(f"{tmp_path}/**/*.nii.gz") == ["a"]


def test_wildcards_are_found_without_a_shell(tmp_path: Path) -> None:
    for name in ("x/1.nii.gz", "x/y/2.nii.gz", "x/y/z/3.nii.gz", "[w]/4.nii.gz"):
        touch(tmp_path / name)

    assert ids(f"{tmp_path}/x/*.nii.gz") == ["1"]
    assert ids(f"{tmp_path}/*/y") == ["2", "3"]
    assert ids(f"{tmp_path}/**/[23].nii.gz") == ["2", "3"]
    assert ids(f"{tmp_path}/[w]") == ["4"]
    with pytest.raises(InputError, match=r"Nothing is named '\*\.mha'"):
        ids(f"{tmp_path}/*.mha")


def test_what_is_not_there_or_no_scan_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'nowhere' cannot be read: .* manifests, or patterns"):
        ids(tmp_path / "nowhere")

    found = find_cohort([touch(tmp_path / "notes.txt")])

    assert not found.cases
    assert "of no known format" in found.problems[0].message


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    for name in (b"\xff1.nii.gz", b"\xff2.dcm", b"a\nb.nii"):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_text("x")

    found = find_cohort([tmp_path])

    assert len(found.cases) == 2
    for text in (*(case.id for case in found.cases), found.problems[0].case):
        assert text.isprintable()
    assert found.problems[0].case == "?2.dcm"


@pytest.mark.skipif(os.name == "nt" or not os.geteuid(), reason="Nothing is locked here")
def test_a_folder_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path / "a.nii.gz")
    touch(tmp_path / "locked/b.nii.gz")
    (tmp_path / "locked").chmod(0)

    found = find_cohort([tmp_path])

    (tmp_path / "locked").chmod(0o700)
    assert [case.id for case in found.cases] == ["a"]
    assert found.problems[0].case == "locked"


def test_the_time_and_size_of_a_file_are_known(tmp_path: Path) -> None:
    scan = touch(tmp_path / "a.nii.gz", "12345")
    os.utime(scan, ns=(5, 7_000_000_000))

    case = find_cohort([tmp_path]).cases[0]

    assert (case.size_bytes, case.modified_ns, case.series) == (5, 7_000_000_000, None)


def test_ten_thousand_files_are_found_in_two_seconds(tmp_path: Path) -> None:
    for n in range(10_000):
        (tmp_path / f"case_{n:05d}.nii.gz").touch()

    start = time.process_time()
    found = find_cohort([tmp_path])

    assert time.process_time() - start < 2.0
    assert len(found.cases) == 10_000
