"""What the repository may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from Backend.source_tree import REPOSITORY, name_of, tracked


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every tracked file that is text."""
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            yield name_of(path), data.decode("utf-8")


def test_binaries_stay_within_their_budget() -> None:
    sizes = {name_of(path): path.stat().st_size for path in tracked()}

    assert sum(size for size in sizes.values() if size > 2**20) <= 40 * 2**20
    assert not [name for name, size in sizes.items() if size > 25 * 2**20]


MACHINE = re.compile(
    r"(?<![\w./-])/(?:work|root|home/\w|Users/\w|tmp/\w)"
    r"|(?:api[_-]?key|password|secret|token)\s*[=:]\s*['\"][^'\"]{8,}|BEGIN [A-Z ]*PRIVATE KEY"
)


def test_no_file_names_a_machine_or_holds_a_secret() -> None:
    guilty = [
        f"{name}: {match[0]}"
        for name, text in texts()
        if name != name_of(Path(__file__))
        for match in MACHINE.finditer(text)
    ]

    assert not guilty


LOOSE_END = re.compile(r"^(?:<{7}|>{7}) |\b(?:TODO|FIXME|XXX)\b", re.MULTILINE)


def test_no_file_holds_marks_of_a_merge_or_a_loose_end() -> None:
    guilty = [
        name for name, text in texts() if name != name_of(Path(__file__)) and LOOSE_END.search(text)
    ]

    assert not guilty


def test_every_debt_says_why_and_when_it_is_paid() -> None:
    debts = (REPOSITORY / "Resources/Docs/debt.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|(.+)\|$", debts, re.MULTILINE)[2:]

    assert rows
    for row in rows:
        debt, why, paid = (cell.strip() for cell in row.split("|"))
        assert debt
        assert why
        assert paid


def test_sources_that_slicer_loads_are_ascii() -> None:
    seam = ("AtlasTumorSeg", "AtlasTumorSynth", "AtlasFROC", "AtlasTumorLib/AtlasTumorSlicer")
    files = [path for path in tracked() if name_of(path).startswith(seam)]

    assert not [
        name_of(path)
        for path in files
        if path.suffix in {".py", ".ui", ".txt", ".json"} and not path.read_bytes().isascii()
    ]


def test_the_index_entry_and_the_cards_are_json_without_repeated_keys() -> None:
    def no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len({key for key, _ in pairs}) == len(pairs), [key for key, _ in pairs]
        return dict(pairs)

    for path in tracked():
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_repeats)


def test_every_program_that_make_and_the_workflows_call_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    workflows = (REPOSITORY / ".github/workflows").glob("*.yml")
    callers = makefile + "".join(path.read_text(encoding="utf-8") for path in workflows)

    scripts = set(re.findall(r"(?:Testing/[\w/]+\.(?:py|txt)|\.ci/[\w-]+(?:\.\w+)?)", callers))
    modules = set(re.findall(r"-m (atlastumor[\w.]*)", callers))

    assert scripts
    assert not [name for name in scripts if not (REPOSITORY / name).exists()]
    for module in modules:
        folder = REPOSITORY / "AtlasTumorLib" / module.replace(".", "/")
        assert (folder / "__main__.py").exists(), module
