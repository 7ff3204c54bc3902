from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from atlastumor.organs import label_names
from atlastumor.results.nifti import PROBABILITY_STEP, write_labels, write_probability
from atlastumor.volume import Grid, LabelMap
from Backend.results.examples import FakeProbability, make_labels, make_provenance


def write(path: Path, labels: LabelMap) -> nibabel.Nifti1Image:
    record = make_provenance(labels.grid).to_repeatable_dict()
    write_labels(path, labels, record=record)
    return nibabel.load(path)


def test_labels_read_back_voxel_for_voxel_on_the_same_affine(tmp_path, a_scan):
    labels = make_labels(a_scan.grid)

    image = write(tmp_path / "labels.nii.gz", labels)

    assert image.get_data_dtype() == np.uint8
    assert (np.asarray(image.dataobj) == labels.array).all()
    assert (image.affine == a_scan.grid.affine).all()
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert (image.header["qform_code"], image.header["sform_code"]) == (1, 1)


def test_simpleitk_reads_the_same_labels_at_the_same_place(tmp_path, a_scan):
    labels = make_labels(a_scan.grid)
    write(tmp_path / "labels.nii.gz", labels)

    image = sitk.ReadImage(str(tmp_path / "labels.nii.gz"))

    assert (labels.array == sitk.GetArrayFromImage(image).T).all()
    lps = image.TransformIndexToPhysicalPoint((5, 7, 3))
    ras = np.array(lps) * (-1, -1, 1)
    assert ras == pytest.approx(a_scan.grid.to_ras((5, 7, 3)), abs=1e-4)


def test_the_header_carries_provenance(tmp_path, a_scan):
    image = write(tmp_path / "labels.nii.gz", make_labels(a_scan.grid))

    (extension,) = image.header.extensions
    record = json.loads(extension.text)
    assert extension.get_code() == 6
    assert record["weights_sha256"] == "cd" * 32
    assert "created" not in record
    assert b"not for clinical use" in image.header["descrip"].item()


def test_every_affine_of_the_shared_scans_comes_back_to_the_bit(tmp_path, shared_data):
    for path in sorted(shared_data.glob("*.nii.gz")):
        affine = nibabel.load(path).affine
        labels = LabelMap(np.zeros((3, 4, 5), np.uint8), Grid((3, 4, 5), affine), {})

        assert (write(tmp_path / "labels.nii.gz", labels).affine == affine).all(), path.name


def test_an_affine_that_came_from_a_qform_alone_comes_back_to_the_bit(tmp_path):
    rng = np.random.default_rng(4)
    for _ in range(50):
        rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        affine = np.eye(4)
        affine[:3, :3] = rotation * rng.uniform(0.5, 5, 3)
        affine[:3, 3] = rng.uniform(-300, 300, 3)
        header = nibabel.Nifti1Header()
        header.set_data_shape((3, 4, 5))
        header.set_qform(affine, code=1)
        from_qform = header.get_qform()
        labels = LabelMap(np.zeros((3, 4, 5), np.uint8), Grid((3, 4, 5), from_qform), {})

        assert (write(tmp_path / "labels.nii.gz", labels).affine == from_qform).all()


def test_an_affine_in_double_precision_is_rounded_to_single(tmp_path):
    affine = np.diag([0.7, 0.8, 2.5, 1.0])
    affine[:3, 3] = [-123.456789, 98.7654321, -1234.56789]
    affine[0, 1] = 0.01  # sheared, so a qform cannot hold it
    labels = LabelMap(np.zeros((3, 4, 5), np.uint8), Grid((3, 4, 5), affine), {})

    image = write(tmp_path / "labels.nii.gz", labels)

    assert (image.affine == affine.astype(np.float32)).all()


def test_one_voxel_more_than_a_slab_is_written_whole(tmp_path):
    rng = np.random.default_rng(2)
    array = rng.integers(0, 32, (5, 6, 33)).astype(np.uint8)
    labels = LabelMap(array, Grid(array.shape, np.diag([1.0, 1, 5, 1])), label_names())

    assert (np.asarray(write(tmp_path / "labels.nii.gz", labels).dataobj) == array).all()


def test_the_same_labels_give_the_same_bytes(tmp_path, a_scan):
    labels = make_labels(a_scan.grid)

    write(tmp_path / "first.nii.gz", labels)
    write(tmp_path / "second.nii.gz", labels)

    assert (tmp_path / "first.nii.gz").read_bytes() == (tmp_path / "second.nii.gz").read_bytes()


def test_probabilities_read_back_within_half_a_step(tmp_path, a_scan):
    record = make_provenance(a_scan.grid).to_repeatable_dict()
    path = tmp_path / "tumor.nii.gz"

    write_probability(path, FakeProbability(0.13), a_scan.grid, record=record)

    image = nibabel.load(path)
    values = image.get_fdata()
    ramp = np.minimum(np.arange(10, dtype=np.float16) * np.float16(0.13), 1).astype(float)
    assert (image.affine == a_scan.grid.affine).all()
    assert values.shape == a_scan.grid.shape
    assert values == pytest.approx(np.broadcast_to(ramp, values.shape), abs=PROBABILITY_STEP / 2)
    assert (values.min(), values.max()) == (0.0, 1.0)
    by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T
    assert by_itk == pytest.approx(values, abs=1e-6)


def test_probabilities_of_half_precision_lose_nothing_above_a_thirty_second(tmp_path):
    halves = np.linspace(1 / 32, 1, 4000).astype(np.float16)
    grid = Grid((1, 1, 4000), np.eye(4))

    class Given:
        def slabs(self, _grid):
            yield 0, 4000, halves[None, None]

    write_probability(tmp_path / "t.nii.gz", Given(), grid, record=make_provenance(grid).to_dict())

    assert (nibabel.load(tmp_path / "t.nii.gz").get_fdata()[0, 0] == halves).all()


def test_the_compressed_stream_names_no_file_and_no_time(tmp_path, a_scan):
    write(tmp_path / "labels.nii.gz", make_labels(a_scan.grid))

    raw = (tmp_path / "labels.nii.gz").read_bytes()

    assert raw[3:8] == bytes(5)  # no flags, time 0
    assert len(gzip.decompress(raw)) > 352
