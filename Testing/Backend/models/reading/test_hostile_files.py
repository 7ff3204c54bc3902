"""Files made to harm: each is refused with its reason, nothing runs, and nothing is used up.

All are read in one child process with little memory, in which a file that gets through shows.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from Backend.models.reading import hostile_documents
from Backend.models.reading.hostile_archives import ARCHIVES
from Backend.models.reading.hostile_checkpoints import claiming, legacy, packed, safe, zipped
from Backend.models.reading.hostile_pickles import tricky, wanting
from Backend.source_tree import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux alone")

CANARY = Path(tempfile.gettempdir()) / f"atlastumor-canary-{os.getpid()}"
LIGHT = {"PYTHONPATH": str(REPOSITORY / "AtlasTumorLib"), "OMP_NUM_THREADS": "1"}
MOST_SECONDS = 45.0
MOST_GROWTH = 1_000_000_000


def wrapped():
    """Every pickle as a checkpoint of today and of old, and as a plain one."""
    for title, data, name in wanting(CANARY):
        wants = rf"it wants .*{re.escape(name)}"
        yield f"{title}, in a checkpoint", "checkpoint", zipped(data), wants
        yield f"{title}, in an old checkpoint", "checkpoint", legacy(data), wants
        yield f"{title}, in plans", "pickle", data, wants
    for title, data, reason in tricky(CANARY):
        yield f"{title}, in a checkpoint", "checkpoint", zipped(data), reason
        yield f"{title}, in plans", "pickle", data, reason
    for title, data, reason in claiming(is_old=False):
        yield f"{title}, in a checkpoint", "checkpoint", zipped(data), reason
    for title, data, reason in claiming(is_old=True):
        yield f"{title}, in an old checkpoint", "checkpoint", legacy(data), reason


def files():
    """All of them: title, kind, bytes, and the reason."""
    yield from wrapped()
    for kind, made in (
        ("checkpoint", [*packed(), *safe()]),
        ("archive", ARCHIVES),
        ("document", hostile_documents.documents()),
        ("card", hostile_documents.cards()),
        ("table", hostile_documents.tables() if find_spec("yaml") else ()),
    ):
        for title, data, reason in made:
            yield f"{kind}: {title}", kind, data, reason


FILES = list(files())
REASONS = {title: reason for title, _, _, reason in FILES}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What reading each file ended in, by its title."""
    folder = tmp_path_factory.mktemp("hostile")
    CANARY.unlink(missing_ok=True)
    inside = folder / "unpacked"
    inside.mkdir()
    listed = []
    for number, (title, kind, data, _) in enumerate(FILES):
        name = f"file-{number}.zip" if kind == "archive" else f"file-{number}"
        (folder / name).write_bytes(data)
        listed.append((title, kind, name))
    (folder / "list.json").write_text(json.dumps(listed))
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("judge.py"), folder],
        env={**os.environ, **LIGHT, "TMPDIR": str(inside)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {v["title"]: v for v in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, f"after {len(found)} of {len(listed)}: {done.stderr[-2000:]}"
    return found


UNGUARDED = """
import pathlib, pickle, sys
canary = pathlib.Path(sys.argv[1])
ran = ""
for path in sys.argv[2:]:
    canary.unlink(missing_ok=True)
    try:
        pickle.loads(pathlib.Path(path).read_bytes())
    except Exception:
        pass
    ran += str(int(canary.exists()))
canary.unlink(missing_ok=True)
print("", ran, sep="\\n")
"""


def test_unguarded_most_of_the_pickles_would_run(tmp_path):
    made = {title: data for title, data, _ in wanting(CANARY)}
    paths = [tmp_path / str(number) for number in range(len(made))]
    for path, data in zip(paths, made.values(), strict=True):
        path.write_bytes(data)

    done = subprocess.run(
        [sys.executable, "-c", UNGUARDED, CANARY, *paths],
        capture_output=True,
        text=True,
        check=True,
    )

    ran = dict(zip(made, map(int, done.stdout.splitlines()[-1]), strict=True))
    assert all(ran[title] for title in ("os.system", "builtins.eval", "subprocess", "INST", "OBJ"))
    assert sum(ran.values()) > len(ran) / 2


def test_there_are_more_than_thirty():
    assert len(REASONS) == len(FILES) > 30


@pytest.mark.parametrize("title", REASONS)
def test_it_is_refused_with_its_reason(title, verdicts):
    verdict = verdicts[title]

    assert verdict["error"] is not None
    assert re.search(REASONS[title], verdict["message"])
    assert len(verdict["message"]) < 700
    assert verdict["message"].isprintable()


def test_nothing_ran_and_nothing_was_used_up(verdicts):
    peaks = [verdict["peak"] for verdict in verdicts.values()]

    assert not CANARY.exists()
    assert max(verdict["s"] for verdict in verdicts.values()) < MOST_SECONDS
    assert max(peaks) - min(peaks) < MOST_GROWTH
