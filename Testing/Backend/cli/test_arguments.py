"""Options that name organs add up wherever they are given more than once."""

from __future__ import annotations

import argparse
from types import ModuleType

import pytest

from atlastumor.cli import collect, evaluate, froc, realism, segment, synthesize_cohort

TWICE = (
    (collect, ["in", "-o", "out"], "tumors"),
    (evaluate, ["in", "true", "-o", "out"], "organs"),
    (froc, ["in", "true", "-o", "out"], "organs"),
    (realism, ["in", "true", "-o", "out"], "organs"),
    (segment, ["in", "-o", "out"], "organs"),
    (synthesize_cohort, ["in", "-o", "out"], "organs"),
)


@pytest.mark.parametrize(
    ("command", "words", "option"), TWICE, ids=[one[0].__name__.split(".")[-1] for one in TWICE]
)
def test_organs_named_twice_are_both_meant(
    command: ModuleType, words: list[str], option: str
) -> None:
    parser = command.add_parser(argparse.ArgumentParser().add_subparsers())

    given = parser.parse_args([*words, f"--{option}", "liver,colon", f"--{option}", "uterus"])

    assert list(getattr(given, option)) == ["liver", "colon", "uterus"]


def test_what_one_call_named_does_not_reach_the_next() -> None:
    parser = collect.add_parser(argparse.ArgumentParser().add_subparsers())
    words = ["in", "-o", "out"]

    parser.parse_args([*words, "--tumors", "liver"])

    assert parser.parse_args(words).tumors == []
