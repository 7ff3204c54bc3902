"""A watched folder: what is complete, and when it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from atlastumor.watching.folder import FolderWatch

STILL_S = 10.0


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Looker:
    """Looks into a folder at chosen moments."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.watch = FolderWatch(folder, still_s=STILL_S, clock=self.clock)

    def after(self, seconds: float) -> list[str]:
        self.clock.now += seconds
        return [path.name for path in self.watch.poll()]


@pytest.fixture
def looker(tmp_path: Path) -> Looker:
    return Looker(tmp_path)


def test_a_file_is_told_once_when_it_has_been_still(tmp_path: Path, looker: Looker) -> None:
    (tmp_path / "a.nii.gz").write_bytes(b"1")

    assert looker.after(0) == []
    assert looker.after(STILL_S - 1) == []
    assert looker.after(1) == ["a.nii.gz"]
    assert looker.after(STILL_S) == []


def test_a_file_that_grows_is_waited_for(tmp_path: Path, looker: Looker) -> None:
    file = tmp_path / "a.nii.gz"
    for n in range(1, 5):
        file.write_bytes(b"1" * n)
        assert looker.after(STILL_S - 1) == []

    assert looker.after(STILL_S) == ["a.nii.gz"]


def test_the_clock_of_the_server_does_not_matter(tmp_path: Path, looker: Looker) -> None:
    (tmp_path / "old.nii").write_bytes(b"1")
    os.utime(tmp_path / "old.nii", (1.0, 1.0))
    (tmp_path / "future.nii").write_bytes(b"1")
    os.utime(tmp_path / "future.nii", (4e9, 4e9))

    assert looker.after(0) == []
    assert looker.after(STILL_S) == ["future.nii", "old.nii"]


@pytest.mark.parametrize(
    "name", ["a.nii.gz.part", ".a.nii.gz.x7Gh2k", "a.nii.tmp", "A.NII.PARTIAL"]
)
def test_temporary_names_are_never_taken(name: str, tmp_path: Path, looker: Looker) -> None:
    (tmp_path / name).write_bytes(b"1")

    assert looker.after(0) == looker.after(STILL_S) == looker.after(STILL_S) == []


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_loses_its_temporary_name_is_told_at_once(
    is_folder: bool, tmp_path: Path, looker: Looker
) -> None:
    partial = tmp_path / "a.part"
    if is_folder:
        partial.mkdir()
    (partial / "slice.dcm" if is_folder else partial).write_bytes(b"1")
    looker.after(0)

    partial.rename(tmp_path / "a")

    assert looker.after(0) == ["a"]
    assert looker.after(STILL_S) == []


def test_a_folder_is_told_when_none_of_its_files_changes(tmp_path: Path, looker: Looker) -> None:
    deep = tmp_path / "study" / "series"
    deep.mkdir(parents=True)
    assert looker.after(0) == looker.after(STILL_S) == []  # nothing is in it

    for n in range(3):
        (deep / f"{n}.dcm").write_bytes(b"1")
        assert looker.after(STILL_S - 1) == []

    assert looker.after(STILL_S) == ["study"]


def test_a_folder_waits_for_the_partial_file_in_it(tmp_path: Path, looker: Looker) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "1.dcm").write_bytes(b"1")
    (tmp_path / "study" / "2.dcm.part").write_bytes(b"1")
    assert looker.after(0) == looker.after(2 * STILL_S) == []

    (tmp_path / "study" / "2.dcm.part").rename(tmp_path / "study" / "2.dcm")

    assert looker.after(0) == []
    assert looker.after(STILL_S) == ["study"]


def test_a_study_that_grows_later_is_told_again(tmp_path: Path, looker: Looker) -> None:
    first, second = (tmp_path / "study" / name for name in ("first", "second"))
    first.mkdir(parents=True)
    (first / "1.dcm").write_bytes(b"1")
    looker.after(0)
    assert looker.after(STILL_S) == ["study"]

    second.mkdir()
    (second / "1.dcm").write_bytes(b"1")

    assert looker.after(0) == []
    assert looker.after(STILL_S) == ["study"]
    assert looker.after(STILL_S) == []


def test_a_look_that_is_broken_off_tells_nothing(tmp_path: Path, looker: Looker) -> None:
    (tmp_path / "a.nii").write_bytes(b"1")
    looker.after(0)

    looker.watch.close()

    assert looker.after(STILL_S) == []


def test_what_vanishes_is_forgotten(tmp_path: Path, looker: Looker) -> None:
    (tmp_path / "a.nii").write_bytes(b"1")
    looker.after(0)
    (tmp_path / "a.nii").unlink()

    assert looker.after(STILL_S) == []


def test_a_folder_that_is_gone_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="away"):
        FolderWatch(tmp_path / "away", still_s=1).poll()
