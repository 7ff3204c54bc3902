from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace

import pytest

from atlastumor.results.tables import write_lesions, write_manifest


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_table_has_its_columns_and_a_row_for_each_lesion(tmp_path, a_segmentation):
    path = tmp_path / "lesions.csv"

    write_lesions(path, a_segmentation.lesions)

    head, *rows = rows_of(path)
    assert head == ["organ", "lesion", "volume_ml", "diameter_mm", "score", "r", "a", "s", "side"]
    assert [(row[0], row[1], row[4], row[8]) for row in rows] == [
        ("liver", "1", "0.9100", ""),
        ("liver", "2", "0.6200", ""),
        ("kidney", "1", "0.5500", "left"),
    ]
    assert float(rows[0][2]) == pytest.approx(36 * 2 * 1.5 * 4 / 1000, rel=1e-3)
    assert [float(x) for x in rows[0][5:8]] == pytest.approx(
        a_segmentation.lesions[0].point_ras, abs=0.005
    )


def test_the_table_of_no_lesions_is_its_head(tmp_path):
    write_lesions(tmp_path / "lesions.csv", ())

    assert len(rows_of(tmp_path / "lesions.csv")) == 1


def test_a_score_that_is_not_known_is_empty(tmp_path, a_segmentation):
    lesion = replace(a_segmentation.lesions[0], score=float("nan"))

    write_lesions(tmp_path / "lesions.csv", [lesion])

    assert rows_of(tmp_path / "lesions.csv")[1][4] == ""


def test_the_record_says_what_was_found_and_what_belongs_to_it(tmp_path, a_segmentation):
    file = tmp_path / "probabilities" / "some.nii.gz"
    file.parent.mkdir()
    file.write_bytes(b"voxels")

    write_manifest(tmp_path / "result.json", a_segmentation, [file], notes=["A note."])

    record = json.loads((tmp_path / "result.json").read_text())
    assert record["schema"] == "atlastumor-result"
    assert record["notice"] == "Not for clinical use."
    assert record["notes"] == ["A note."]
    assert record["organs_in_view"] == ["liver", "kidney"]
    assert [one["organ"] for one in record["findings"]][:2] == ["liver", "pancreas"]
    assert record["findings"][1]["highest_score"] is None
    assert record["findings"][1]["message"] == "Not in view."
    assert record["lesions"][2]["side"] == "left"
    assert record["lesions"][0]["box"] == [[5, 8], [5, 9], [3, 6]]
    assert record["label_names"]["27"] == "liver_lesion"
    assert record["provenance"]["stage_seconds"] == {"Finding tumors": 3.25}
    digest = hashlib.sha256(b"voxels").hexdigest()
    assert record["files"] == {"probabilities/some.nii.gz": {"sha256": digest, "bytes": 6}}
