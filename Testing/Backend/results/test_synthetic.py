from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType

import nibabel
import numpy as np
import pytest

from atlastumor.errors import OutputError
from atlastumor.lesions import Lesion
from atlastumor.results.synthetic import write_synthetic
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.result import SYNTHETIC_NOTE, SynthesisResult
from atlastumor.volume import LabelMap, Scan, Source

NAME = "Doe^Jane"


@pytest.fixture(params=[np.int16, np.float32])
def a_result(a_scan: Scan, request: pytest.FixtureRequest) -> SynthesisResult:
    """One voxel of tumor in a small scan."""
    array = a_scan.array.astype(request.param)
    labels = np.zeros(array.shape, np.uint8)
    labels[3, 3, 3] = 27
    point = (1.0, 2.0, 3.0)
    return SynthesisResult(
        scan=Scan(array, a_scan.grid, Source("memory", "cafe", (), (SYNTHETIC_NOTE,))),
        labels=LabelMap(labels, a_scan.grid, MappingProxyType({27: "liver_lesion"})),
        lesion=Lesion(
            "liver", 1, 27, 0.1, 5.0, point, point, float("nan"), None, ((3, 4), (3, 4), (3, 4))
        ),
        request=TumorRequest("liver", 5.0, 42, capsule=True),
        diameter_mm=5.04,
        contrast_hu=-33.3,
        center_ras=point,
        off_center_mm=0.4,
        outgrowth_mm=0.0,
        outside_share=0.0,
        box=(slice(1, 6), slice(1, 6), slice(1, 6)),
        margin_mm=5.2,
        original=Source("dicom", "cafe", (Path(f"/data/{NAME}/1.dcm"),)),
        notes=("Something to know.",),
    )


def test_what_is_written_is_read_back_and_named_synthetic(
    a_result: SynthesisResult, tmp_path: Path
) -> None:
    scan, labels, _ = write_synthetic(a_result, tmp_path / "new" / "case")

    for path, array in ((scan, a_result.scan.array), (labels, a_result.labels.array)):
        image = nibabel.load(path)
        assert image.get_data_dtype() == array.dtype
        assert (np.asarray(image.dataobj) == array).all()
        assert np.allclose(image.affine, a_result.scan.grid.affine, atol=1e-5)
        assert bytes(image.header["descrip"].item()).startswith(b"SYNTHETIC")
        assert b'"synthetic": true' in image.header.extensions[0].get_content()


def test_the_record_says_what_was_asked_for_and_what_came_out(
    a_result: SynthesisResult, tmp_path: Path
) -> None:
    record = json.loads(write_synthetic(a_result, tmp_path / "case")[-1].read_text())

    assert record["synthetic"] is True
    assert "synthetic" in record["notice"]
    assert record["schema"] == "atlastumor-result"
    assert (record["organ"], record["method"], record["seed"]) == ("liver", "handcrafted", 42)
    assert record["request"]["capsule"] is True
    assert record["diameter_mm"] == {"asked": 5.0, "got": 5.04}
    assert record["contrast_hu"] == {"asked": None, "got": -33.3}
    assert record["center_ras"] == [1.0, 2.0, 3.0]
    assert record["input"] == {"kind": "dicom", "sha256": "cafe"}
    assert record["notes"] == [SYNTHETIC_NOTE, "Something to know."]
    assert record["lesion"]["score"] is None
    assert set(record["files"]) == {"ct.nii.gz", "labels.nii.gz"}
    assert record["label_names"] == {"27": "liver_lesion"}


def test_no_path_and_no_name_is_written(a_result: SynthesisResult, tmp_path: Path) -> None:
    files = write_synthetic(a_result, tmp_path / "case")

    assert NAME not in files[-1].read_text()
    assert NAME.encode() not in nibabel.load(files[0]).header.extensions[0].get_content()


def test_the_same_result_gives_the_same_bytes(a_result: SynthesisResult, tmp_path: Path) -> None:
    first, second = (write_synthetic(a_result, tmp_path / name) for name in ("a", "b"))

    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_folder_that_holds_something_is_left_alone(
    a_result: SynthesisResult, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match="holds other files"):
        write_synthetic(a_result, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_earlier_result_stays_unless_it_may_be_replaced(
    a_result: SynthesisResult, tmp_path: Path
) -> None:
    write_synthetic(a_result, tmp_path / "case")

    with pytest.raises(OutputError, match="holds a result already"):
        write_synthetic(a_result, tmp_path / "case", overwrite=False)
    write_synthetic(a_result, tmp_path / "case")


def test_a_full_disk_leaves_nothing(
    a_result: SynthesisResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("atlastumor.results.synthetic.write_labels", fail)

    with pytest.raises(OutputError, match="disk is full"):
        write_synthetic(a_result, tmp_path / "case")
    assert list(tmp_path.iterdir()) == []
