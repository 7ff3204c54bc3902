"""The model on phantoms that training has never seen."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..detection import CaseMatch, LesionMatch
from ..phantom import make_phantom
from ..progress import Progress, ignore_progress
from .case import CaseScore, score_case
from .workers import segmenter_of

__all__ = ["score_phantoms"]


def score_phantoms(
    model: str,
    seeds: Sequence[int],
    *,
    journal: Path,
    workers: int = 2,
    progress: Progress = ignore_progress,
) -> list[CaseScore]:
    """Segment phantoms and measure each; cases that the journal holds are not run again.

    Args:
        model: Model id.
        seeds: One phantom each.
        journal: File of JSON lines, one per finished case; made if needed.
        workers: Processes, each with its own copy of the network on the CPU.
        progress: Told after every case.

    Returns:
        One score per seed, in their order.
    """
    done = _read(journal)
    missing = [seed for seed in seeds if str(seed) not in done]
    with ProcessPoolExecutor(workers) as executor, journal.open("a", encoding="ascii") as file:
        scores = executor.map(_score_one, [model] * len(missing), missing)
        for number, score in enumerate(scores, start=1):
            file.write(json.dumps(asdict(score)) + "\n")
            file.flush()
            done[score.case] = score
            progress(number / len(missing), f"Phantom {score.case}")
    return [done[str(seed)] for seed in seeds]


def _score_one(model: str, seed: int) -> CaseScore:
    phantom = make_phantom(seed)
    started = time.monotonic()
    segmentation = segmenter_of(model).segment(phantom.scan)
    seconds = time.monotonic() - started
    return score_case(str(seed), segmentation.labels, phantom.labels, seconds=seconds)


def _read(journal: Path) -> dict[str, CaseScore]:
    if not journal.exists():
        return {}
    rows = [json.loads(line) for line in journal.read_text(encoding="ascii").splitlines()]
    return {row["case"]: _score(row) for row in rows}


def _score(row: dict[str, Any]) -> CaseScore:
    lesions = tuple(LesionMatch(**lesion) for lesion in row["match"]["lesions"])
    match = CaseMatch(lesions, tuple(row["match"]["false_positives"]))
    return CaseScore(row["case"], row["dice"], match, row["seconds"])
