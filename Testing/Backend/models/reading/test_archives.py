"""Zips: unpacked as they are, cleared away afterwards, and only where there is room."""

import shutil
import zipfile
from types import SimpleNamespace

import pytest

from atlastumor.errors import Cancelled, WeightsError
from atlastumor.models.reading.archives import unpacked

FILES = {
    "plans.json": b"{}",
    "fold_0/checkpoint_final.pth": bytes(range(256)) * 5_000,
    "Überblick.txt": b"",
}


def zipped(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def content_of(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    "root", ["", "Model/", "Dataset001_X/nnUNetTrainer__nnUNetPlans__3d_fullres/"]
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_model_comes_out_as_it_went_in_and_is_gone_afterwards(root, method, tmp_path):
    path = zipped(tmp_path / "x.zip", {root + name: data for name, data in FILES.items()}, method)

    with unpacked(path, within=tmp_path) as folder:
        assert content_of(folder) == FILES
        assert folder.is_relative_to(tmp_path)

    assert list(tmp_path.iterdir()) == [path]


def test_folders_in_the_list_are_made_and_what_macos_adds_is_left_out(tmp_path):
    more = {"M/": b"", "M/empty/": b"", "__MACOSX/M/._plans.json": b"x", "M/.DS_Store": b"x"}
    path = zipped(tmp_path / "x.zip", {**more, **{f"M/{name}": d for name, d in FILES.items()}})

    with unpacked(path) as folder:
        assert content_of(folder) == FILES
        assert (folder / "empty").is_dir()


def test_progress_rises_to_the_end(tmp_path):
    told = []

    with unpacked(zipped(tmp_path / "x.zip", FILES), progress=lambda at, _: told.append(at)):
        assert told == sorted(told)
        assert told[-1] == 1.0


def test_cancelling_leaves_nothing_behind(tmp_path):
    path = zipped(tmp_path / "x.zip", FILES)

    def stop(_fraction, _stage):
        raise Cancelled

    with pytest.raises(Cancelled), unpacked(path, within=tmp_path, progress=stop):
        pytest.fail("was unpacked")

    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_noticed_before_anything_is_written(monkeypatch, tmp_path):
    path = zipped(tmp_path / "x.zip", FILES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=256 << 20))

    with pytest.raises(WeightsError, match=r"unpacks to 1 MB, and 0 MB are free"), unpacked(path):
        pytest.fail("was unpacked")


def test_an_error_of_the_reader_goes_through_as_it_is(tmp_path):
    path = zipped(tmp_path / "x.zip", FILES)

    with pytest.raises(ValueError, match="invalid literal"), unpacked(path, within=tmp_path):
        int("mine")

    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_zip_says_so(tmp_path):
    with pytest.raises(WeightsError, match=r"x\.zip is missing"), unpacked(tmp_path / "x.zip"):
        pytest.fail("was unpacked")
