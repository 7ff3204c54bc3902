"""One model over the held-out scans: a row per scan and organ, kept as soon as it is known."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch.cases import Problem
from ..batch.scoring import EvaluationOptions, measure_masks
from ..collections import UNKNOWN, CollectionCase, load_case
from ..components import has_label
from ..detection.case_sweep import SweepOptions
from ..detection.reference import find_reference_lesions
from ..detection.size_bins import SIZE_BINS
from ..detection.sweep import sweep_case
from ..errors import InputError
from ..inference.engine import Segmenter
from ..inference.probability import AbstractTumorMap
from ..models.card import ModelCard
from ..organs import KEYS, find_organ
from ..provenance import to_plain
from ..volume import Grid

__all__ = ["Row", "measure_cases", "read_rows"]

_FLOOR = 0.05
"""Scans without a candidate at this probability all have the score 0."""
_EARLY = next(size for size in SIZE_BINS if size.key == "early")


@dataclass(frozen=True)
class Row:
    """One organ of one held-out scan.

    Args:
        set: Name of the set.
        case: Id of the case.
        organ: The organ's key.
        dsc: Dice of its tumors; NaN without a reference tumor.
        nsd: Normalized surface Dice; likewise.
        n_lesions: Reference lesions.
        n_found: Those found.
        n_early: Those under 20 mm in diameter.
        n_early_found: Those of them that were found.
        n_candidates: Predicted lesions.
        n_false: Those that touch no tumor.
        is_clear: Whether the reference has no tumor at all.
        score: Highest probability at which there still is a candidate, for ROC curves.
    """

    set: str
    case: str
    organ: str
    dsc: float
    nsd: float
    n_lesions: int
    n_found: int
    n_early: int
    n_early_found: int
    n_candidates: int
    n_false: int
    is_clear: bool
    score: float


def measure_cases(
    card: ModelCard,
    folder: Path,
    held_out: Mapping[str, Sequence[CollectionCase]],
    options: EvaluationOptions,
    *,
    journal: Path,
    device: str,
) -> Iterator[Sequence[Row] | Problem]:
    """Measure a model; scans that the journal holds for the same weights are not run again.

    Args:
        card: The model.
        folder: Where its weights lie.
        held_out: Cases by set.
        options: What the numbers mean.
        journal: File of JSON lines, one per finished case; made if needed.
        device: Where the network runs.

    Yields:
        Case by case its rows, or why it cannot be measured.
    """
    done = _read_journal(journal, card.weights.sha256)
    segmenter: Segmenter | None = None
    for name, cases in held_out.items():
        for case in cases:
            if (name, case.id) in done:
                yield done[name, case.id]
                continue
            if segmenter is None:
                segmenter = Segmenter(card, device=device, backend="torch", models_dir=folder)
            try:
                rows = _measure(segmenter, name, case, options)
            except InputError as error:
                yield Problem(case.id, str(error))
                continue
            _add(journal, card.weights.sha256, name, case.id, rows)
            yield rows


def read_rows(data: Iterable[Mapping[str, Any]]) -> tuple[Row, ...]:
    """Restore rows from JSON; null is what there is no number for."""
    names = [field.name for field in fields(Row)]

    def restore(row: Mapping[str, Any]) -> Row:
        values: list[Any] = [math.nan if row[name] is None else row[name] for name in names]
        return Row(*values)

    return tuple(restore(row) for row in data)


def _add(journal: Path, weights: str, name: str, case: str, rows: Sequence[Row]) -> None:
    told = [to_plain(asdict(row)) for row in rows]
    record = {"weights": weights, "set": name, "case": case, "rows": told}
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _read_journal(journal: Path, weights: str) -> dict[tuple[str, str], tuple[Row, ...]]:
    """Read what is whole and of these weights; a killed process leaves half a line."""
    done: dict[tuple[str, str], tuple[Row, ...]] = {}
    if not journal.is_file():
        return done
    text = journal.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    for line in whole.split("\n"):
        try:
            record = json.loads(line)
            if record["weights"] == weights:
                done[record["set"], record["case"]] = read_rows(record["rows"])
        except (ValueError, TypeError, KeyError):  # a scan whose line is damaged is measured again
            continue
    if whole != text:
        journal.write_text(whole, encoding="utf-8")
    return done


def _measure(
    segmenter: Segmenter, name: str, case: CollectionCase, options: EvaluationOptions
) -> tuple[Row, ...]:
    """Measure one scan for the tumors that it is annotated for.

    Where the model's subset was not searched for an organ's tumors, none of them are found. Left
    out, such organs would be missing in the means of small subsets and count in those of large.
    """
    learned = {output.organ for output in segmenter.card.outputs if output.kind == "tumor"}
    scan, labels = load_case(case)
    found = segmenter.segment(scan, probabilities=True)
    known = labels.array != UNKNOWN
    rows: list[Row] = []
    for key in (key for key in KEYS if key in case.annotated.tumors):
        organ = find_organ(key)
        reference = labels.array == organ.tumor_label
        predicted = (found.labels.array == organ.tumor_label) & known
        organ_mask = reference | has_label(labels.array, organ.labels)
        own_mask = organ_mask if key in case.annotated.organs else None
        score = measure_masks((case.id, key), predicted, reference, scan.grid, options, own_mask)
        counts = score.counts(options.rule)
        hits = score.is_found(options.rule)
        early = [_EARLY.holds(lesion) for lesion in score.sweep.lesions]
        probability = found.probabilities[key] if key in learned else None
        rows.append(
            Row(
                *(name, case.id, key),
                dsc=score.dsc if reference.any() else math.nan,
                nsd=score.nsd if reference.any() else math.nan,
                n_lesions=counts["n_lesions"],
                n_found=counts["n_found"],
                n_early=sum(early),
                n_early_found=sum(a and b for a, b in zip(early, hits, strict=True)),
                n_candidates=counts["n_candidates"],
                n_false=counts["n_false"],
                is_clear=score.sweep.is_clear and bool(known.all()),
                score=_find_score(probability, scan.grid, known, options),
            )
        )
    return tuple(rows)


def _find_score(
    probability: AbstractTumorMap | None,
    grid: Grid,
    known: npt.NDArray[np.bool_],
    options: EvaluationOptions,
) -> float:
    """Find the highest probability at which there is a candidate, wherever it is."""
    if probability is None:
        return 0.0
    values = np.where(known, probability.to_grid(grid).astype(np.float32), np.float32(0))
    nothing = find_reference_lesions(np.zeros(grid.shape, bool), spacing_mm=grid.spacing_mm)
    sweeping = SweepOptions(floor=_FLOOR, min_volume_mm3=options.min_volume_mm3)
    return sweep_case("", "", values, nothing, options=sweeping).score
