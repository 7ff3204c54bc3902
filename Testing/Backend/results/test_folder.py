"""Where a result may go, and what is left when something stops it on the way."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from atlastumor.errors import OutputError
from atlastumor.results import check_output
from atlastumor.results.staging import MANIFEST
from Backend.results.folders import NEW, OLD, content_of, hidden_in, write


def test_a_folder_that_is_not_there_is_made_with_its_parents(a_folder):
    directory = a_folder / "deep" / "er"

    write(directory, NEW)

    assert content_of(directory) == NEW
    assert hidden_in(directory.parent) == []


def test_an_empty_folder_is_filled_and_stays_the_same_folder(a_folder):
    a_folder.mkdir()
    before = a_folder.stat().st_ino

    write(a_folder, NEW)

    assert content_of(a_folder) == NEW
    assert a_folder.stat().st_ino == before
    assert hidden_in(a_folder.parent) == []


def test_an_earlier_result_is_replaced_whole_and_other_files_stay(a_folder):
    write(a_folder, OLD)
    (a_folder / "notes.txt").write_text("mine")
    (a_folder / "probabilities" / "mine.txt").write_text("mine too")

    write(a_folder, NEW)

    assert content_of(a_folder) == NEW | {
        "notes.txt": "mine",
        "probabilities/mine.txt": "mine too",
    }
    assert hidden_in(a_folder.parent) == []


def test_an_earlier_result_is_kept_where_that_is_asked_for(a_folder):
    write(a_folder, OLD)

    with pytest.raises(OutputError, match="holds a result already"):
        check_output(a_folder, overwrite=False)


def test_a_file_of_another_program_is_not_overwritten(a_folder):
    write(a_folder, OLD)
    (a_folder / "new.csv").write_text("mine")

    with pytest.raises(OutputError, match=r"new\.csv' is in the way"):
        write(a_folder, NEW)

    assert content_of(a_folder) == OLD | {"new.csv": "mine"}


def test_a_folder_with_other_files_is_refused(a_folder):
    a_folder.mkdir()
    (a_folder / "scan.nii.gz").write_text("a scan")

    with pytest.raises(OutputError, match="holds other files"):
        check_output(a_folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "other", "files": {}}', "{}"])
def test_a_manifest_of_another_program_makes_no_earlier_result(a_folder, text):
    a_folder.mkdir()
    (a_folder / MANIFEST).write_text(text)

    with pytest.raises(OutputError, match="holds other files"):
        check_output(a_folder)


def test_a_file_where_the_folder_should_be_is_refused(a_folder):
    a_folder.write_text("a file")

    with pytest.raises(OutputError, match="is a file"):
        check_output(a_folder)


def test_a_folder_below_a_file_is_refused(a_folder):
    a_folder.write_text("a file")

    with pytest.raises(OutputError, match="part of the path is a file"):
        check_output(a_folder / "result")


def test_a_path_that_is_too_long_is_refused(a_folder):
    with pytest.raises(OutputError, match="path is too long"):
        check_output(a_folder / ("x" * 300))


def test_the_longest_name_that_a_folder_can_have_will_do(a_folder):
    directory = a_folder / ("ö" * 127)  # 254 bytes

    write(directory, NEW)

    assert content_of(directory) == NEW


def test_names_with_spaces_brackets_and_umlauts_will_do(a_folder):
    directory = a_folder / "Bäuche [a*] 腹部 ?"

    write(directory, OLD)
    write(directory, NEW)

    assert content_of(directory) == NEW


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(OutputError, match="no usable path"):
        check_output(Path("a\0b"))


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(OutputError):
        check_output(tmp_path / "a" / "result")


def test_a_link_to_a_folder_is_followed(tmp_path, a_folder):
    a_folder.mkdir()
    (tmp_path / "link").symlink_to(a_folder)

    write(tmp_path / "link", NEW)

    assert (tmp_path / "link").is_symlink()
    assert content_of(a_folder) == NEW


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where none may write")
def test_a_place_where_nothing_can_be_written_is_refused():
    with pytest.raises(OutputError, match="cannot be written"):
        check_output(Path("/proc/result"))


def test_too_little_space_is_refused_before_the_work(a_folder):
    with pytest.raises(OutputError, match="MB are free"):
        check_output(a_folder, needed_bytes=10**18)


def test_checking_leaves_nothing_behind(a_folder):
    check_output(a_folder / "deep")

    assert not a_folder.exists()
    assert list(a_folder.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "not permitted"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_an_error_of_the_disk_is_a_sentence_and_leaves_the_earlier_result(a_folder, number, words):
    write(a_folder, OLD)

    with pytest.raises(OutputError, match=words):
        write(a_folder, NEW, then=OSError(number, os.strerror(number)))

    assert content_of(a_folder) == OLD
    assert hidden_in(a_folder.parent) == []


def test_being_cancelled_leaves_nothing(a_folder):
    with pytest.raises(KeyboardInterrupt):
        write(a_folder, NEW, then=KeyboardInterrupt())

    assert not a_folder.exists()
    assert hidden_in(a_folder.parent) == []


@pytest.mark.parametrize("given", ["old.csv", "probabilities", "."])
def test_a_result_that_holds_what_is_read_is_not_replaced(a_folder, given):
    write(a_folder, OLD)

    with pytest.raises(OutputError, match="would be replaced"):
        check_output(a_folder, inputs=[a_folder / given])

    assert content_of(a_folder) == OLD


def test_a_result_beside_or_within_what_is_read_is_replaced(a_folder):
    write(a_folder, OLD)
    (a_folder / "mine").mkdir()
    beside = [a_folder.parent, a_folder / "mine", a_folder / "mine.nii.gz", a_folder.parent / "ct"]

    assert check_output(a_folder, inputs=beside) == a_folder
