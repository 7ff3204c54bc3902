"""The example of `collections.md` runs as a reader runs it, and says what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from atlastumor.collections import KINDS, read_cohort

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "Resources/Docs/collections.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def run(line: str, folder: Path) -> str:
    """What a line of the page says on both streams, in order."""
    program, *words = shlex.split(line)
    own = (
        [str(REPOSITORY / words[0]), *words[1:]] if program == "python" else ["-m", program, *words]
    )
    environment = {"PYTHONPATH": str(REPOSITORY / "AtlasTumorLib"), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, *own],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader has made the data sets."""
    folder = tmp_path_factory.mktemp("reader")
    run(blocks("sh")[0].splitlines()[0], folder)
    return folder


def test_the_command_says_what_the_page_shows(folder: Path) -> None:
    assert run(blocks("sh")[0].splitlines()[1], folder) == blocks("text")[0]
    assert (folder / "cohort_leakage.csv").read_text(encoding="utf-8") == blocks("csv")[0]


def test_copies_stay_together_and_the_owner_vouches_for_tumors(folder: Path) -> None:
    run(blocks("sh")[1].strip(), folder)

    cases = {case.id: case for case in read_cohort(folder / "cohort.json").cases}
    assert cases["Task03_Liver/liver_2"].split == cases["kits/case_00000"].split
    assert {case.split for case in cases.values()} == {"train", "validation"}
    assert cases["mine/anna"].annotated.tumors == {"liver"}


def test_the_cohort_loads_as_the_page_shows(folder: Path) -> None:
    (folder / "snippet.py").write_text(blocks("python")[0], encoding="utf-8")
    run(f"python {folder / 'snippet.py'}", folder)


def test_the_file_that_the_page_shows_is_a_cohort(tmp_path: Path) -> None:
    (tmp_path / "cohort.json").write_text(blocks("json")[0], encoding="utf-8")

    assert [case.id for case in read_cohort(tmp_path / "cohort.json").cases] == ["mine/anna"]


def test_the_page_lists_every_kind() -> None:
    assert set(re.findall(r"^\| `([a-z0-9]+)` \|", PAGE, re.MULTILINE)) == set(KINDS)
