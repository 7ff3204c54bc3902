"""Two folders compared, from files to the page."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlastumor.batch.realism.comparison import Comparison, compare_folders
from atlastumor.batch.realism.features import FEATURES
from atlastumor.batch.realism.pictures import cut_picture
from atlastumor.batch.realism.write import write_comparison
from atlastumor.errors import Cancelled, InputError, OutputError
from atlastumor.progress import CancelToken
from atlastumor.volume import Grid, Scan
from Backend.batch.healthy_folders import hash_tree, save
from Backend.batch.realism_folders import LIVER, add_balls, write_both, write_made, write_real
from Backend.synthesis.made_case import make_case


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_both(tmp_path_factory.mktemp("cohorts"))


@pytest.fixture(scope="module")
def comparison(folders: tuple[Path, Path]) -> Comparison:
    return compare_folders(*folders, n_samples=50)


@pytest.fixture
def copies(folders: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Folders that a test may change."""
    return tuple(Path(shutil.copytree(one, tmp_path / one.name)) for one in folders)


def test_every_tumor_is_measured_and_both_kinds_are_compared(comparison: Comparison) -> None:
    (liver,) = comparison.organs
    assert (liver.organ, liver.n_real, liver.n_synthetic) == ("liver", 6, 3)
    assert comparison.problems == ()
    kinds = [(tumor.kind, tumor.case, tumor.index) for tumor in comparison.tumors]
    assert kinds[:3] == [
        ("real", "patient-0", 1),
        ("real", "patient-0", 2),
        ("real", "patient-1", 1),
    ]
    assert kinds[-1] == ("synthetic", "scan-2", 1)
    first = comparison.tumors[0]
    assert first.features["diameter_mm"] == pytest.approx(18.0, rel=0.05)
    assert first.features["contrast_hu"] == pytest.approx(-50.0, abs=3.0)
    assert len(liver.pairs) == 3
    assert [a.kind + b.kind for a, b, _ in liver.pairs] == ["realsynthetic"] * 3
    assert liver.wasserstein["border_width_mm"].value > liver.wasserstein["diameter_mm"].value


def test_of_a_synthetic_scan_only_tumors_that_its_record_names_count(
    copies: tuple[Path, Path],
) -> None:
    real, made = copies
    shutil.rmtree(made / "scan-0")
    own = add_balls(make_case((3.0, 3.0, 4.0)), 20.0, -50.0)
    save(made / "scan-9" / "ct.nii.gz", own.scan)
    save(made / "scan-9" / "labels.nii.gz", own.labels)
    (made / "scan-9" / "result.json").write_text('{"synthetic": false}')

    found = compare_folders(real, made, n_samples=0)

    assert [t.case for t in found.tumors if t.kind == "synthetic"] == ["scan-1", "scan-2"]


def test_synthetic_tumors_among_real_ones_are_refused(copies: tuple[Path, Path]) -> None:
    real, made = copies
    shutil.copytree(made / "scan-0", real / "scan-0")

    found = compare_folders(real, made, n_samples=0)

    (problem,) = found.problems
    assert problem.case == "real/scan-0"
    assert "its tumors are synthetic" in problem.message


def test_bad_cases_and_crumbs_are_told_and_the_rest_counts(copies: tuple[Path, Path]) -> None:
    real, made = copies
    (made / "scan-1" / "ct.nii.gz").write_bytes(b"no scan")
    (real / "patient-1" / "labels.nii.gz").unlink()
    case = write_real(real, "patient-7", seed=7)
    labels = case.labels.array.copy()
    labels[2, 2, 2] = LIVER.tumor_label
    save(real / "patient-7" / "labels.nii.gz", type(case.labels)(labels, case.labels.grid, {}))

    found = compare_folders(real, made, n_samples=0)

    told = {problem.case: problem.message for problem in found.problems}
    assert set(told) == {"real/patient-1", "real/patient-7", "synthetic/scan-1"}
    assert "Nothing outlines its tumors" in told["real/patient-1"]
    assert "Of its 3 tumors 1 are too small" in told["real/patient-7"]
    assert (found.organs[0].n_real, found.organs[0].n_synthetic) == (6, 2)


def test_the_folder_of_a_synthetic_cohort_may_hold_its_other_files(
    copies: tuple[Path, Path],
) -> None:
    real, made = copies
    (made / "cohort.json").write_text("{}")
    (made / "nnunet").mkdir()

    assert compare_folders(real, made, n_samples=0).problems == ()


def test_one_folder_twice_is_refused(folders: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="Both folders are 'real'"):
        compare_folders(folders[0], folders[0] / ".." / "real")


def test_no_tumor_and_too_few_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        case = make_case((3.0, 3.0, 4.0))
        save(tmp_path / name / "x" / "ct.nii.gz", case.scan)
        save(tmp_path / name / "x" / "labels.nii.gz", case.labels)
    with pytest.raises(InputError, match="There is no tumor at all"):
        compare_folders(tmp_path / "a", tmp_path / "b")

    write_real(tmp_path / "a", "x", seed=0)
    write_made(tmp_path / "b", "y", seed=0)
    with pytest.raises(InputError, match="liver 2 real and 1 synthetic"):
        compare_folders(tmp_path / "a", tmp_path / "b")


def test_work_can_be_stopped(folders: tuple[Path, Path]) -> None:
    token = CancelToken()
    seen: list[float] = []

    def stop(fraction: float, _stage: str) -> None:
        seen.append(fraction)
        token.cancel()

    with pytest.raises(Cancelled):
        compare_folders(*folders, progress=stop, cancel=token)

    assert len(seen) == 1


def test_the_folder_holds_tables_pictures_report_and_record(
    comparison: Comparison, tmp_path: Path
) -> None:
    files = write_comparison(comparison, tmp_path / "out")

    assert [path.name for path in files] == [
        "distances.csv",
        "embedding.png",
        "features.csv",
        "pairs-liver.png",
        "realism.json",
        "report.html",
        "result.json",
    ]
    rows = list(csv.DictReader(files[2].read_text().splitlines()))
    assert len(rows) == 9
    assert float(rows[0]["diameter_mm"]) == pytest.approx(18.0, rel=0.05)
    distances = list(csv.DictReader(files[0].read_text().splitlines()))
    assert len(distances) == 2 * len(FEATURES) + 1
    record = json.loads(files[4].read_text())
    assert record["organs"]["liver"]["n_real"] == 6
    assert record["organs"]["liver"]["told_apart"] is None
    assert [one["key"] for one in record["features"]] == [one.key for one in FEATURES]
    page = files[5].read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace("http-equiv", "")
    assert "6 real and 3 synthetic tumors were compared (liver)" in page
    with Image.open(files[3]) as picture:
        assert picture.width > 800


def test_the_same_folders_give_the_same_numbers_and_pictures(
    folders: tuple[Path, Path], comparison: Comparison, tmp_path: Path
) -> None:
    write_comparison(comparison, tmp_path / "a")
    write_comparison(compare_folders(*folders, n_samples=50), tmp_path / "b")

    first, second = hash_tree(tmp_path / "a"), hash_tree(tmp_path / "b")

    dated = {"realism.json", "report.html", "result.json"}
    assert {k: v for k, v in first.items() if k not in dated} == {
        k: v for k, v in second.items() if k not in dated
    }


def test_an_output_that_holds_other_files_is_refused(
    comparison: Comparison, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(OutputError, match="holds other files"):
        write_comparison(comparison, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("turn", [np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])])
def test_pictures_show_the_patients_right_on_the_left_and_the_front_on_top(
    turn: np.ndarray,
) -> None:
    grid = Grid((41, 31, 5), turn @ np.diag([1.0, 2.0, 4.0, 1.0]))
    ras = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))
    middle = ras[20, 15, 2]
    hu = np.zeros(grid.shape, np.int16)
    hu[(ras[..., 0] > middle[0] + 5) & (ras[..., 1] > middle[1] + 5)] = 240
    mask = hu > 0

    picture = cut_picture(Scan(hu, grid), mask, tuple(middle), extent_mm=30.0, n_pixels=30)

    assert picture.gray[5, 5] == 255
    assert picture.gray[5, 25] == picture.gray[25, 5] == 102
    assert picture.tumor[5, 5]
    assert not picture.tumor[25, 25]
