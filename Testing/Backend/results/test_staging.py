"""What is left when a process is stopped on the way."""

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
from atlastumor.results.staging import MANIFEST, list_own_files
from Backend.results.folders import NEW, OLD, content_of, fill, hidden_in, write


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


def test_what_an_earlier_process_of_the_same_number_completed_is_put_in_place(
    a_folder, monkeypatch
):
    write(a_folder, OLD)
    with stopped_at_rename(monkeypatch, 4, Killed()), suppress(Killed):
        write(a_folder, NEW)
    (left,) = (a_folder.parent / name for name in hidden_in(a_folder.parent))
    os.utime(left, (1, 1))

    check_output(a_folder)

    assert content_of(a_folder) == NEW
    assert not left.exists()


def test_where_the_parent_is_locked_the_result_is_prepared_inside(a_folder, monkeypatch):
    a_folder.mkdir()
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != a_folder.parent)

    with result_folder(a_folder) as folder:
        assert folder.parent == a_folder
        fill(folder, NEW)

    assert content_of(a_folder) == NEW


def test_a_completed_folder_is_found_again_whatever_its_name(a_folder, monkeypatch):
    directory = a_folder.with_name("partial-run")
    with stopped_at_rename(monkeypatch, 1, Killed()), suppress(Killed):
        write(directory, NEW)
    assert not directory.exists()

    monkeypatch.setattr("psutil.pid_exists", lambda _: False)
    check_output(directory)

    assert content_of(directory) == NEW
    assert hidden_in(directory.parent) == []


@pytest.mark.parametrize("name", ["../precious.txt", "/{}/precious.txt", "link/precious.txt", ""])
def test_a_manifest_that_names_what_lies_elsewhere_makes_no_result(a_folder, name):
    a_folder.mkdir()
    (a_folder / "link").symlink_to(a_folder.parent)
    (a_folder.parent / "precious.txt").write_text("mine")
    named = name.format(a_folder.parent)
    manifest = {"schema": staging.SCHEMA, "files": {named: {}}}
    (a_folder / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(OutputError, match="holds other files"):
        write(a_folder, NEW)

    assert (a_folder.parent / "precious.txt").read_text() == "mine"
