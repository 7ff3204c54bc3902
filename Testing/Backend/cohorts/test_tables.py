from __future__ import annotations

import csv
import json
import resource
import shutil
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from atlastumor.cli import main
from atlastumor.cohorts.journal import JOURNAL, Journal
from atlastumor.cohorts.table_files import table_files
from atlastumor.cohorts.tables import TABLES, write_tables
from atlastumor.errors import Cancelled, DependencyError, InputError, OutputError
from atlastumor.progress import CancelToken

from .made_cohorts import make_cohort, names_of, quarantine


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    make_cohort(tmp_path / "out", ["b", "a"])
    quarantine(tmp_path / "out", "c", "'c.nii.gz' is truncated, twice. Copy it again.")
    return tmp_path / "out"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_case_is_a_row_of_what_became_of_it(cohort: Path) -> None:
    write_tables(cohort)

    done, _, failed = rows_of(cohort / "tables/cases.csv")
    assert [done[name] for name in ("case", "state", "n_lesions", "organs_in_view")] == [
        *("b", "done", "3", "2")
    ]
    assert [done[f"n_{axis}"] for axis in "ijk"] == ["24", "20", "10"]
    assert (done["engine_s"], done["peak_host_mb"], done["worker"]) == (
        "2.000",
        "2000.0",
        "worker 1",
    )
    assert done["ended"].endswith("+00:00")
    assert (failed["state"], failed["kind"], failed["failures"]) == (
        "quarantined",
        "InputError",
        "1",
    )
    assert failed["reason"] == "… is truncated, twice. Copy it again."
    assert failed["n_lesions"] == failed["engine_s"] == ""


def test_no_table_but_that_of_inputs_holds_a_name_of_a_file(cohort: Path) -> None:
    unforeseen = "FileNotFoundError: [Errno 2] No such file: '/scans/Roe^Jane/1.dcm'"
    quarantine(cohort, "dicom-0123456789abcdef", unforeseen, "FileNotFoundError")

    write_tables(cohort)

    texts = [(cohort / f"tables/{name}.csv").read_text() for name in ("cases", "findings")]
    assert "dicom-0123456789abcdef" in texts[0]
    assert not any("Roe" in text for text in texts)


def test_every_tumor_and_every_organ_is_a_row(cohort: Path) -> None:
    write_tables(cohort)

    lesions = rows_of(cohort / "tables/lesions.csv")
    assert [(row["case"], row["organ"], row["lesion"]) for row in lesions[:3]] == [
        ("b", "liver", "1"),
        ("b", "liver", "2"),
        ("b", "kidney", "1"),
    ]
    kept = json.loads((cohort / "cases/b/result.json").read_text())["lesions"][0]
    assert float(lesions[0]["volume_ml"]) == pytest.approx(kept["volume_ml"], abs=1e-4)
    radius = (3 * 1000 * kept["volume_ml"] / (4 * 3.14159265)) ** (1 / 3)
    assert float(lesions[0]["radius_mm"]) == pytest.approx(radius, abs=0.01)
    assert lesions[0]["size"] == "tiny"
    assert float(lesions[0]["s"]) == pytest.approx(kept["point_ras"][2], abs=0.01)
    findings = rows_of(cohort / "tables/findings.csv")
    assert len(findings) == 2 * 6
    assert (findings[0]["coverage"], findings[0]["threshold"]) == ("partial", "0.5000")


def test_paths_are_in_the_table_of_inputs_alone(cohort: Path) -> None:
    write_tables(cohort)

    assert rows_of(cohort / "tables/inputs.csv")[0]["path"] == str(cohort.parent / "b.nii.gz")
    for name in ("cases", "findings", "lesions"):
        assert str(cohort.parent) not in (cohort / f"tables/{name}.csv").read_text("utf-8")


def test_parquet_holds_the_same_in_types_that_stay(cohort: Path) -> None:
    write_tables(cohort, parquet=True)

    for name, columns in TABLES.items():
        table = parquet.read_table(cohort / f"tables/{name}.parquet")
        assert table.column_names == [column.name for column in columns]
        kinds = {"text": pyarrow.string(), "int": pyarrow.int64(), "float": pyarrow.float64()}
        assert table.schema.types == [kinds[column.kind] for column in columns]
        text = rows_of(cohort / f"tables/{name}.csv")
        assert [set(row) for row in text] == [set(table.column_names)] * len(text)
        for row, other in zip(table.to_pylist(), text, strict=True):
            for key, value in row.items():
                is_float = isinstance(value, float)
                assert (float(other[key]) if is_float else other[key]) == (
                    value if is_float else "" if value is None else str(value)
                )


def test_a_result_that_is_gone_or_damaged_leaves_its_numbers_empty(cohort: Path) -> None:
    (cohort / "cases/a/result.json").write_text("{")

    write_tables(cohort)

    row = rows_of(cohort / "tables/cases.csv")[1]
    assert (row["case"], row["state"], row["n_lesions"]) == ("a", "done", "")


def test_tables_that_cannot_be_finished_leave_the_earlier_ones(
    cohort: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tables(cohort)
    before = {path: path.read_bytes() for path in (cohort / "tables").iterdir()}
    cancel = CancelToken()
    cancel.cancel()

    with pytest.raises(Cancelled):
        write_tables(cohort, cancel=cancel)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(DependencyError, match=r"atlastumor\[tables\]"):
            write_tables(cohort, parquet=True)
    (cohort / JOURNAL).unlink()
    with pytest.raises(InputError, match="holds no batch"):
        write_tables(cohort)

    assert {path: path.read_bytes() for path in (cohort / "tables").iterdir()} == before


def test_what_is_in_the_way_of_the_tables_is_said(cohort: Path) -> None:
    (cohort / "tables").write_text("mine")

    with pytest.raises(OutputError, match="tables"):
        write_tables(cohort)


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path) -> None:
    row = {column.name: 1 for column in TABLES["lesions"]}

    def write(n_rows: int) -> None:
        with table_files(tmp_path, {"lesions": TABLES["lesions"]}, ("csv", "parquet")) as add:
            for _ in range(n_rows):
                add("lesions", row)

    write(5_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write(60_000)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 24_000  # kB


def test_the_results_are_predictions_that_evaluate_and_froc_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_cohort(tmp_path / "out", ["a", "b"], probabilities=True)
    for name in ("a", "b"):
        place = tmp_path / "references" / name / "labels.nii.gz"
        place.parent.mkdir(parents=True)
        shutil.copy(tmp_path / "out/cases" / name / "labels.nii.gz", place)
    both = [str(tmp_path / "out/cases"), str(tmp_path / "references")]

    fast = ["--workers", "1", "--bootstrap", "20"]

    assert main(["evaluate", *both, "-o", str(tmp_path / "measured"), *fast]) == 0
    assert not capsys.readouterr().err
    more = ["-o", str(tmp_path / "froc"), "--organs", "liver", "--no-figures"]
    assert main(["froc", *both, *more, *fast]) == 0

    metrics = rows_of(tmp_path / "measured/metrics.csv")
    dice = {(row["case"], row["organ"]): row["value"] for row in metrics if row["metric"] == "dsc"}
    assert float(dice["a", "liver"]) == float(dice["b", "kidney"]) == 1.0
    assert json.loads((tmp_path / "froc/report.json").read_text(encoding="utf-8"))


def test_reading_a_cohort_changes_nothing_in_it(cohort: Path) -> None:
    with Journal.read(cohort / JOURNAL) as journal:
        before = list(journal.rows())
    names = set(names_of(cohort / "cases"))

    write_tables(cohort)

    with Journal.read(cohort / JOURNAL) as journal:
        assert list(journal.rows()) == before
    assert set(names_of(cohort / "cases")) == names
    assert not list((cohort / "tables").glob(".*"))
