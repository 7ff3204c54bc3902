"""Words of the command line that several subcommands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnknownKeyError
from ..models.card import DEFAULT_MODEL
from ..organs import find_organ

if TYPE_CHECKING:
    from ..detection.rules import HitRule

__all__ = [
    "add_cohort",
    "add_computation",
    "add_matching",
    "add_method",
    "add_models",
    "add_organs",
    "parse_count",
    "parse_folder",
    "parse_gpus",
    "parse_hit_rule",
    "parse_organs",
    "parse_path",
    "parse_threshold",
]


def add_cohort(parser: argparse.ArgumentParser, *, predictions: str) -> None:
    """Declare where a cohort is and where its results go.

    Args:
        parser: Of a subcommand that measures predictions.
        predictions: What their folder holds, in a few words.
    """
    parser.add_argument("predictions", type=Path, help=predictions)
    parser.add_argument("references", type=Path, help="folder of CASE/segmentations or labels")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    add_organs(parser)


def add_organs(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup, *, default: str = "all"
) -> None:
    """Declare which organs are meant; the option may be repeated.

    Args:
        parser: Of a subcommand.
        default: Which organs are meant without it, in a few words.
    """
    parser.add_argument(
        "--organs",
        type=parse_organs,
        action="extend",
        metavar="ORGAN,...",
        help=f"such as liver,kidney ({default})",
    )


def add_matching(group: argparse._ArgumentGroup) -> None:
    """Declare when a lesion counts as found, and by what."""
    group.add_argument(
        "--hit",
        type=parse_hit_rule,
        default="union-iou",
        metavar="RULE[=X]",
        help="union-iou, best-iou, coverage, any-overlap, peak or center (union-iou=0.1)",
    )
    group.add_argument(
        "--min-volume-mm3", type=float, default=30.0, metavar="V", help="of a candidate (30)"
    )


def add_computation(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Declare how a cohort is computed; gives the group, for more of the kind."""
    group = parser.add_argument_group("computation")
    group.add_argument("--workers", type=parse_count(1), metavar="N", help="processes (by memory)")
    group.add_argument(
        "--bootstrap", type=parse_count(0), default=2000, metavar="N", help="samples (2000)"
    )
    group.add_argument("--seed", type=parse_count(0), default=0, help="of the random numbers (0)")
    return group


def add_method(group: argparse._ArgumentGroup) -> None:
    """Declare how synthetic tumors are painted."""
    group.add_argument(
        "--method",
        default="handcrafted",
        help="handcrafted, cellular, diffusion, difftumor or freetumor (handcrafted)",
    )
    group.add_argument("--seed", type=parse_count(0), default=0, help="of the random numbers (0)")


def add_models(group: argparse._ActionsContainer, *, purpose: str) -> None:
    """Declare the segmenter, and where models and weights lie.

    Args:
        group: Of a subcommand that makes synthetic tumors.
        purpose: What the segmenter is for, in a few words.
    """
    group.add_argument("--model", default=DEFAULT_MODEL, help=purpose)
    group.add_argument(
        "--models-dir", type=parse_folder, help="folder with further models and weights"
    )


def parse_path(text: str) -> Path:
    """Read a path; an empty word, as an unset variable of a shell gives, would be this folder."""
    if not text.strip():
        msg = "a path is needed, not an empty word"
        raise argparse.ArgumentTypeError(msg)
    return Path(text)


def parse_folder(text: str) -> Path:
    """Read the path of a folder that is there."""
    path = parse_path(text)
    if not path.is_dir():
        msg = f"there is no folder '{text}'"
        raise argparse.ArgumentTypeError(msg)
    return path


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


def parse_threshold(text: str, *, allows_zero: bool = False) -> tuple[str, float]:
    """Read ORGAN=P, a probability for an organ."""
    key, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0 or (value == 0.0 and not allows_zero):
        least = "between 0 and 1" if allows_zero else "above 0 and up to 1"
        msg = f"'{text}' is not ORGAN=P with P {least}, such as liver=0.4"
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


def parse_gpus(text: str) -> tuple[int, ...]:
    """Read numbers of GPUs between commas, each once."""
    numbers = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in numbers) or len({*numbers}) < len(numbers):
        msg = f"'{text}' is no list of different numbers, such as 0,1"
        raise argparse.ArgumentTypeError(msg)
    return tuple(map(int, numbers))
