"""`python -m atlastumor.evaluation thresholds|phantoms|scans|ranges`: a model card's numbers."""

from __future__ import annotations

import argparse
import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cli.console import Console
from ..detection import HIT_RULE
from ..inference.backends import choose_precision
from ..inference.calibrating import measure_ranges
from ..inference.choices import PRECISIONS
from ..inference.device import choose_device
from ..models.card import DEFAULT_MODEL
from ..models.store import change_card, keep_ranges
from ..phantom import DEVELOPMENT_SEED, HELD_OUT_SEED, make_phantom
from ..progress import part_of
from ..provenance import creation_time, to_plain
from .card_hash import find_single_card, hash_for_scores, hash_for_sweeps
from .case import CaseScore, OrganSummary, summarize
from .phantoms import score_phantoms
from .scans import score_scans
from .thresholds import choose_thresholds, sweep_phantoms


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m atlastumor.evaluation", description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--update-card", action="store_true", help="write the rows into the card")
    what = parser.add_subparsers(dest="what", required=True)
    phantoms = what.add_parser("phantoms", help="held-out digital phantoms")
    phantoms.add_argument("-n", type=int, default=50, help="how many")
    phantoms.add_argument("--development", action="store_true", help="seeds to tune on instead")
    phantoms.add_argument("--journal", type=Path, help="finished cases; a rerun goes on from it")
    phantoms.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    thresholds = what.add_parser("thresholds", help="choose them on the phantoms to tune on")
    thresholds.add_argument("-n", type=int, default=40, help="how many")
    thresholds.add_argument("--most-false", type=float, default=0.8, help="allowed per scan")
    thresholds.add_argument("--sweeps", type=Path, help="finished cases; a rerun goes on from them")
    thresholds.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    scans = what.add_parser("scans", help="real scans with references beside them")
    scans.add_argument("folder", type=Path)
    for one in (phantoms, scans):
        one.add_argument("--precision", default="auto", choices=("auto", *PRECISIONS))
    ranges = what.add_parser("ranges", help="measure those for int8 on the phantoms to tune on")
    ranges.add_argument("-n", type=int, default=8, help="how many")
    return parser.parse_args()


def _rows(summaries: Sequence[OrganSummary]) -> list[dict[str, Any]]:
    def number(value: float, digits: int = 3) -> str:
        return "-" if math.isnan(value) else f"{value:.{digits}f}"

    return [
        {
            "organ": row.organ,
            "scans": row.n_cases,
            "mean_DSC": number(row.mean_dice),
            "worst_DSC": number(row.worst_dice),
            "lesions": row.n_lesions,
            "found": row.n_found,
            "sensitivity": number(row.sensitivity),
            "early": row.n_early,
            "early_found": row.n_early_found,
            "false": row.n_false,
            "false_per_scan": number(row.false_per_scan, 2),
        }
        for row in summaries
    ]


def _case_rows(scores: Sequence[CaseScore]) -> list[dict[str, Any]]:
    return [
        {
            "case": score.case,
            "DSC": ", ".join(f"{key} {value:.3f}" for key, value in score.dice.items()),
            "lesions": score.match.n_reference,
            "found": score.match.n_found,
            "false": score.match.n_false,
            "seconds": f"{score.seconds:.1f}",
        }
        for score in scores
    ]


def _replace_rows(card: dict[str, Any], data: str, rows: list[dict[str, Any]]) -> None:
    """Replace a card's rows about this data."""
    date = creation_time()[:10]
    kept = [row for row in card["evaluation"] if row["data"] != data]
    new = [{"data": data, "date": date, "metric": HIT_RULE, "value": row} for row in rows]
    card["evaluation"] = kept + to_plain(new)


def _choose_thresholds(options: argparse.Namespace, console: Console) -> None:
    """Choose the card's thresholds; what was measured with others goes with them."""
    card = hash_for_sweeps(options.model)  # another card's sweeps do not count
    sweeps = sweep_phantoms(
        options.model,
        range(DEVELOPMENT_SEED, DEVELOPMENT_SEED + options.n),
        folder=options.sweeps or Path(f"sweeps-{options.model}-{card}"),
        workers=options.workers,
        progress=console.progress,
    )
    chosen = choose_thresholds(sweeps, most_false_per_scan=options.most_false)
    console.say(
        f"{chosen.n_found} of {chosen.n_lesions} lesions, {chosen.n_false / chosen.n_scans:.2f} "
        f"false positives per scan on {chosen.n_scans} phantoms from seed {DEVELOPMENT_SEED}"
    )
    console.table([dict(chosen.thresholds)])
    if options.update_card:
        change_card(
            find_single_card(options.model),
            lambda card: card.update(thresholds=chosen.thresholds, evaluation=[]),
        )


def _measure_ranges(options: argparse.Namespace, console: Console) -> None:
    """Measure the ranges of the network's layers, and write them into the card."""
    card = find_single_card(options.model)
    seeds = range(DEVELOPMENT_SEED, DEVELOPMENT_SEED + options.n)
    phantoms = []
    for number, seed in enumerate(seeds):
        console.progress(0.5 * number / options.n, f"Phantom {seed}")
        phantoms.append(make_phantom(seed).scan)
    ranges = measure_ranges(card, phantoms, progress=part_of(console.progress, 0.5, 1.0))
    console.table(
        [{"weights": name, "low": low, "high": high} for name, (low, high) in ranges.items()]
    )
    if options.update_card:
        keep_ranges(card, ranges, data=f"phantoms, seeds {seeds[0]}..{seeds[-1]}")


def _means_int8(model: str) -> bool:
    """Tell whether "auto" runs a model in int8 on this computer."""
    return choose_precision("auto", choose_device(), find_single_card(model)) == "int8"


def main() -> None:
    """Run what was asked for and print it."""
    options = _arguments()
    console = Console()
    if options.what == "thresholds":
        _choose_thresholds(options, console)
        return
    if options.what == "ranges":
        _measure_ranges(options, console)
        return
    if options.precision == "auto" and _means_int8(options.model):
        options.precision = "int8"  # so that its rows do not pass for those in floating point
    if options.what == "scans":
        scores = score_scans(
            options.model, options.folder, precision=options.precision, progress=console.progress
        )
        rows, data = _case_rows(scores), "real scans with references"
    else:
        first = DEVELOPMENT_SEED if options.development else HELD_OUT_SEED
        seeds = range(first, first + options.n)
        card = hash_for_scores(
            options.model, options.precision
        )  # another card's cases do not count
        scores = score_phantoms(
            options.model,
            seeds,
            journal=options.journal or Path(f"evaluation-{options.model}-{card}.jsonl"),
            precision=options.precision,
            workers=options.workers,
            progress=console.progress,
        )
        rows, data = _rows(summarize(scores)), f"phantoms, seeds {first}..{first + options.n - 1}"
    if options.precision != "auto":
        data = f"{data}, in {options.precision}"
    console.say(f"{options.model} on {data}; {os.cpu_count()} cores, {platform.machine()}")
    console.say(f"Hit rule: {HIT_RULE}")
    console.table(rows)
    if options.update_card:
        change_card(find_single_card(options.model), lambda card: _replace_rows(card, data, rows))


if __name__ == "__main__":
    main()
