"""`atlastumor models calibrate`: make a model ready for `--precision int8`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import InputError, UsageError
from ..models.card import CARDS_DIR, ModelCard, find_card
from ..progress import part_of
from .console import Console

__all__ = ["calibrate"]

_READ = 0.1


def calibrate(options: argparse.Namespace, console: Console) -> None:
    """Measure the ranges of a model's layers on scans, and write them into its card.

    Args:
        options: What `models.add_parser` declares: a model, then scans.
        console: Where to print.

    Raises:
        UsageError: If no model or no scan is named.
        UnknownKeyError: If there is no such model.
        InputError: If it is a recipe or came with this software, or a scan cannot be used.
        AtlasTumorError: If its weights cannot be used or its card cannot be written.
    """
    if len(options.names) < 2:
        msg = "Name a model and at least one CT such as it is for, to measure its layers on."
        raise UsageError(msg)
    name, *paths = options.names
    card = _find_own(name, options.models_dir)
    # What they import is heavy.
    from ..inference.calibrating import measure_ranges  # noqa: PLC0415
    from ..models.store import keep_ranges  # noqa: PLC0415
    from ..scans import read_scan  # noqa: PLC0415

    scans = [
        read_scan(
            Path(path),
            progress=part_of(
                console.progress, _READ * n / len(paths), _READ * (n + 1) / len(paths)
            ),
        )
        for n, path in enumerate(paths)
    ]
    ranges = measure_ranges(
        card, scans, models_dir=options.models_dir, progress=part_of(console.progress, _READ, 1.0)
    )
    hashes = ", ".join(scan.source.sha256[:12] for scan in scans)
    kept = keep_ranges(card, ranges, data=f"CT scans with the SHA-256 {hashes}"[:2000])
    assert kept.path is not None  # noqa: S101 - it was just read from a file
    console.say(f"With --precision int8, {len(ranges)} convolutions of '{card.id}' run in 8 bits.")
    console.result(kept.path.parent, [kept.path], model=kept.id)


def _find_own(name: str, models_dir: Path | None) -> ModelCard:
    """A model whose card may be written to."""
    card = find_card(name, [models_dir] if models_dir else [])
    if not isinstance(card, ModelCard):
        msg = f"'{name}' is a recipe. Calibrate its models: {', '.join(sorted(card.cards))}."
        raise InputError(msg)
    if card.path is None or card.path.parent == CARDS_DIR:
        msg = f"The model '{name}' came with this software, which has measured it already."
        raise InputError(msg)
    return card
