"""The model on phantoms that training has never seen."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ..detection import CaseMatch, LesionMatch
from ..errors import InputError
from ..phantom import make_phantom
from ..progress import Progress, ignore_progress
from .card_hash import hash_for_scores
from .case import CaseScore, score_case
from .workers import segmenter_of

__all__ = ["score_phantoms"]


def score_phantoms(
    model: str,
    seeds: Sequence[int],
    *,
    journal: Path,
    precision: str = "auto",
    workers: int = 2,
    progress: Progress = ignore_progress,
) -> list[CaseScore]:
    """Segment phantoms and measure each; cases that the journal holds are not run again.

    Args:
        model: Model id.
        seeds: One phantom each.
        journal: File of JSON lines, one per finished case; made if needed.
        precision: In which the network runs.
        workers: Processes, each with its own copy of the network on the CPU.
        progress: Told after every case.

    Returns:
        One score per seed, in their order.

    Raises:
        InputError: If the journal is of another card, or no journal.
    """
    card = hash_for_scores(model, precision)
    done = _take_up(journal, card)
    missing = [seed for seed in seeds if str(seed) not in done]
    with ProcessPoolExecutor(workers) as executor, journal.open("a", encoding="ascii") as file:
        scores = executor.map(partial(_score_one, model, precision), missing)
        for number, score in enumerate(scores, start=1):
            file.write(json.dumps({"card": card, **asdict(score)}) + "\n")
            file.flush()
            done[score.case] = score
            progress(number / len(missing), f"Phantom {score.case}")
    return [done[str(seed)] for seed in seeds]


def _score_one(model: str, precision: str, seed: int) -> CaseScore:
    phantom = make_phantom(seed)
    started = time.monotonic()
    segmentation = segmenter_of(model, precision).segment(phantom.scan)
    seconds = time.monotonic() - started
    return score_case(str(seed), segmentation.labels, phantom.labels, seconds=seconds)


def _take_up(journal: Path, card: str) -> dict[str, CaseScore]:
    """Read what was measured with this card; what a kill left of a last line is cut off."""
    if not journal.exists():
        return {}
    *lines, rest = journal.read_text(encoding="ascii", errors="replace").split("\n")
    begin = f'{{"card": "{card}", '
    is_ours = all(line.startswith(begin) for line in lines) and begin.startswith(rest[: len(begin)])
    if not is_ours:
        msg = (
            f"The journal {journal} holds what was not measured with this card ({card}). Name "
            "another with --journal, or move it away."
        )
        raise InputError(msg)
    try:
        done = {row["case"]: _score(row) for row in map(json.loads, lines)}
    except (ValueError, KeyError, TypeError) as error:
        msg = f"The journal {journal} is damaged. Name another with --journal, or move it away."
        raise InputError(msg) from error
    if rest:  # the next case would be written behind it, on the same line
        os.truncate(journal, journal.stat().st_size - len(rest))
    return done


def _score(row: dict[str, Any]) -> CaseScore:
    lesions = tuple(LesionMatch(**lesion) for lesion in row["match"]["lesions"])
    match = CaseMatch(lesions, tuple(row["match"]["false_positives"]))
    return CaseScore(row["case"], row["dice"], match, row["seconds"])
