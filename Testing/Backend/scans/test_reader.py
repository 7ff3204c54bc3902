from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from atlastumor.errors import DependencyError, InputError
from atlastumor.scans import read_scan

from .bodies import a_body, a_scan, an_affine
from .broken_files import save_itk, save_nifti
from .dicom_series import write_dicom_series

SCANS = [
    "ts_example_ct_3mm",
    "ts_example_ct_sm_3mm",
    "ts_ct_upperabd_20sl",
    "acrin_flt_breast_001_abdpelvis",
    "acrin_flt_breast_013_coronal_slab",
    "cmb_crc_01068_chest",
    "c4kc_kits_00072_dome18sl",
    "msd_liver_44",
]
LABELS = ["ts_example_ct_3mm_TSseg", "ts_ct_upperabd_20sl_TSseg", "msd_liver_44_mask"]


@pytest.mark.parametrize("name", SCANS)
def test_a_real_scan_is_read_as_nibabel_reads_it(name: str, shared_data: Path) -> None:
    path = shared_data / f"{name}.nii.gz"
    image = nib.load(path)

    scan = read_scan(path)

    assert np.array_equal(scan.grid.affine, image.affine)
    assert np.array_equal(scan.array, np.asanyarray(image.dataobj))
    assert scan.array.dtype == np.int16
    assert scan.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["ts_example_ct_sm_3mm", "c4kc_kits_00072_dome18sl"])
def test_a_real_scan_survives_its_export_to_dicom(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    original = read_scan(shared_data / f"{name}.nii.gz")
    write_dicom_series(original, tmp_path)

    scan = read_scan(tmp_path)

    assert scan.grid.matches(original.grid, tolerance_mm=1e-3)
    assert np.array_equal(scan.array, original.array)


@pytest.mark.parametrize("name", LABELS)
def test_a_real_label_map_is_refused(name: str, shared_data: Path) -> None:
    with pytest.raises(InputError, match="no Hounsfield units"):
        read_scan(shared_data / f"{name}.nii.gz")


def test_a_real_coronal_scan_keeps_its_axes(shared_data: Path) -> None:
    scan = read_scan(shared_data / "acrin_flt_breast_013_coronal_slab.nii.gz")

    assert scan.grid.axcodes == "LIP"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    nib.Nifti1Image(a_body(), an_affine()).to_filename(path)
    path.chmod(0)

    with pytest.raises(InputError, match="permission denied"):
        read_scan(path)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_long_and_foreign_paths_are_read(suffix: str, tmp_path: Path) -> None:
    import SimpleITK as sitk

    folder = tmp_path.joinpath(*["Größe 体积 " + "x" * 60] * 10)
    folder.mkdir(parents=True)
    image = sitk.GetImageFromArray(a_body().T)
    image.SetSpacing((2.0, 2.5, 4.0))
    sitk.WriteImage(image, str(tmp_path / f"a.{suffix}"))
    path = (tmp_path / f"a.{suffix}").rename(folder / f"Ä 扫描.{suffix}")

    assert np.array_equal(read_scan(path).array, a_body())


def test_logs_above_debug_name_no_file_and_no_uid(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_dicom_series(a_scan(), tmp_path / "Doe^Jane", series_uid="1.2.3.4.5")

    with caplog.at_level(logging.INFO):
        read_scan(tmp_path / "Doe^Jane")

    assert "Read a dicom scan" in caplog.text
    assert "Doe" not in caplog.text
    assert "1.2.3.4.5" not in caplog.text


def test_what_progress_raises_stops_the_reading_and_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil
    import tempfile

    write_dicom_series(a_scan(), tmp_path / "study")
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "study")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))

    def stop(fraction: float, _stage: str) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_scan(tmp_path / "study.zip", progress=stop)

    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(("suffix", "package"), [("nii", "nibabel"), ("mha", "SimpleITK")])
def test_a_missing_package_is_named(
    suffix: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = save_nifti if suffix == "nii" else save_itk
    path = save(tmp_path / f"a.{suffix}", a_body())
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(DependencyError, match=f"pip install {package}"):
        read_scan(path)


def test_importing_the_reader_loads_no_file_library() -> None:
    code = (
        "import sys, atlastumor.scans; "
        "print([m for m in ('nibabel', 'SimpleITK', 'pydicom', 'torch') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )

    assert done.stdout.strip() == "[]"
