"""What the documents point at exists: links, targets of make, options of the command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)")
MAKE = re.compile(r"(?:^|`)make ([a-z][a-z-]*)", re.MULTILINE)
COMMAND = re.compile(
    r"(?:bin/|`)atlastumor (segment|evaluate|froc|review|organs|models|phantom|demo)([^`\n]*)"
)
OPTION = re.compile(r"`(--[a-z-]+)")


def documents() -> list[Path]:
    folders = (".ci", "Resources/Docs", "Testing")
    inner = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.md")]
    return [REPOSITORY / "README.md", *sorted(inner)]


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    missing = []
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        place, _, anchor = link.partition("#")
        target = path.parent / place if place else path
        if not target.exists():
            missing.append(link)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            missing += [] if anchor in map(slug, headings) else [link]

    assert not missing


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_target_of_make_that_is_named_exists(path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    assert set(MAKE.findall(path.read_text(encoding="utf-8"))) <= targets


def test_every_option_that_the_readme_names_is_one_of_its_command() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    named = {("segment", option) for option in OPTION.findall(readme)}
    for command, words in COMMAND.findall(readme):
        named |= {(command, word) for word in words.split() if word.startswith("--")}

    helps = {command: say_help(command) for command in {command for command, _ in named}}

    assert named
    assert not [(c, option) for c, option in named if not re.search(rf"{option}\b", helps[c])]


def say_help(command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "atlastumor", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY / "AtlasTumorLib",
    ).stdout
