"""Where a result may go, and what is left when something stops it on the way."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from atlastumor.errors import OutputError
from atlastumor.results import check_output, staging
from atlastumor.results.folder import result_folder
from atlastumor.results.staging import MANIFEST, SCHEMA, list_own_files

OLD = {"labels.nii.gz": "old labels", "old.csv": "old table", "probabilities/liver.nii.gz": "p"}
NEW = {"labels.nii.gz": "new labels", "new.csv": "new table", "probabilities/colon.nii.gz": "q"}


def fill(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    manifest = {"schema": SCHEMA, "files": {name: {} for name in content}}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def write(directory: Path, content: dict[str, str], then: BaseException | None = None) -> None:
    with result_folder(check_output(directory)) as folder:
        fill(folder, content)
        if then is not None:
            raise then


def content_of(folder: Path) -> dict[str, str]:
    """Every file but the manifest, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def hidden_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours runs after it."""


@contextmanager
def stopped_at_rename(monkeypatch: pytest.MonkeyPatch, n: int, error: BaseException) -> Iterator:
    """Let the n-th rename fail, and where the process is killed, all that would come after."""
    count = iter(range(10_000))
    rename = Path.replace

    def failing(self: Path, target: Path) -> Path:
        now = next(count)
        if now == n or (now > n and isinstance(error, Killed)):
            raise error
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        if isinstance(error, Killed):
            patch.setattr("shutil.rmtree", lambda *_, **__: None)
        yield


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


@pytest.mark.parametrize("n", range(10))
@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
def test_a_rename_that_fails_leaves_the_earlier_result(a_folder, monkeypatch, n, error):
    write(a_folder, OLD)
    (a_folder / "notes.txt").write_text("mine")

    expected = NEW
    with stopped_at_rename(monkeypatch, n, error):
        try:
            write(a_folder, NEW)
        except (OutputError, KeyboardInterrupt):
            expected = OLD

    assert content_of(a_folder) == expected | {"notes.txt": "mine"}
    assert list_own_files(a_folder) == {*expected, MANIFEST}
    assert (expected is NEW) == (n == 9), "there are nine renames, and each was tried"
    assert hidden_in(a_folder.parent) == []


@pytest.mark.parametrize("n", range(10))
@pytest.mark.parametrize("earlier", [OLD, None, {}])
def test_a_process_killed_at_a_rename_leaves_the_old_result_or_the_new_one(
    a_folder, monkeypatch, n, earlier
):
    if earlier:
        write(a_folder, earlier)
    elif earlier == {}:
        a_folder.mkdir()
    with stopped_at_rename(monkeypatch, n, Killed()), suppress(Killed):
        write(a_folder, NEW)
    marked = list_own_files(a_folder)
    if marked is not None:  # what says that it is complete is complete
        assert marked - {MANIFEST} == {n for n in content_of(a_folder) if n in OLD | NEW}

    monkeypatch.setattr("psutil.pid_exists", lambda _: False)
    check_output(a_folder)

    content = content_of(a_folder) if a_folder.exists() else {}
    assert content in (earlier or {}, NEW)
    assert not content or list_own_files(a_folder) == {*content, MANIFEST}
    assert hidden_in(a_folder.parent) == []


def test_a_process_really_killed_while_writing_is_cleared_up_after(a_folder):
    code = (
        "import os, pathlib, signal, sys\n"
        "from atlastumor.results.folder import result_folder\n"
        "with result_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'labels.nii.gz').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    backend = Path(staging.__file__).parents[2]

    subprocess.run([sys.executable, "-c", code, str(a_folder)], cwd=backend, check=False)

    assert not a_folder.exists()
    assert len(hidden_in(a_folder.parent)) == 1
    check_output(a_folder)
    assert hidden_in(a_folder.parent) == []


def test_the_folder_of_a_living_process_is_left_alone(a_folder):
    partial = staging.make_partial(a_folder)

    check_output(a_folder)

    assert partial.is_dir()


def test_where_the_parent_is_locked_the_result_is_prepared_inside(a_folder, monkeypatch):
    a_folder.mkdir()
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != a_folder.parent)

    with result_folder(a_folder) as folder:
        assert folder.parent == a_folder
        fill(folder, NEW)

    assert content_of(a_folder) == NEW
