"""Words of the command line that several subcommands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import UnknownKeyError
from ..organs import find_organ

if TYPE_CHECKING:
    from ..detection.rules import HitRule

__all__ = ["parse_count", "parse_hit_rule", "parse_organs", "parse_threshold"]


def parse_organs(text: str) -> list[str]:
    """Read organ keys between commas; at least one, each of them known."""
    keys = [word.strip() for word in text.split(",") if word.strip()]
    if not keys:
        msg = "name at least one organ"
        raise argparse.ArgumentTypeError(msg)
    try:
        return [find_organ(key).key for key in keys]
    except UnknownKeyError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse_threshold(text: str) -> tuple[str, float]:
    """Read ORGAN=P, a probability for an organ."""
    key, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 1.0:
        msg = f"'{text}' is not ORGAN=P with P above 0 and up to 1, such as liver=0.4"
        raise argparse.ArgumentTypeError(msg)
    try:
        return find_organ(key).key, value
    except UnknownKeyError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse_hit_rule(text: str) -> HitRule:
    """Read a hit rule, alone or with its threshold behind an equals sign."""
    from ..detection.rules import find_hit_rule  # noqa: PLC0415 - pulls in scipy

    name, _, number = text.partition("=")
    try:
        return find_hit_rule(name, float(number) if number else None)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from error


def parse_count(least: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from `least` on."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            msg = f"'{text}' is no whole number from {least} on"
            raise argparse.ArgumentTypeError(msg)
        return int(text)

    return parse
