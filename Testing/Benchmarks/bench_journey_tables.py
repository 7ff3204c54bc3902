"""The tables that `make bench-journey` prints."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping
from typing import Any

from atlastumor.cli.console import Console
from atlastumor.review import fold, measure_times, read_log
from Slicer.journey.curve import Chosen
from Slicer.journey.outcome import Outcome
from Slicer.journey.places import Places


def print_organs(
    places: Places,
    chosen: list[Chosen],
    before: Mapping[str, Outcome],
    after: Mapping[str, Outcome],
) -> list[dict[str, Any]]:
    """One row per organ: threshold, what it gives, what was reviewed, what that changed."""
    entries = read_log(places.review).entries
    verdicts = Counter(
        (key.partition("-")[0], verdict.kind)
        for scan in fold(entries).scans.values()
        for key, verdict in scan.verdicts.items()
    )
    rows = []
    for one in chosen:
        accepted, removed = (verdicts[one.organ, kind] for kind in ("accept", "reject"))
        old, new = before[one.organ], after[one.organ]
        rows.append(
            {
                "organ": one.organ,
                "theta*": f"{one.threshold:.4f}",
                "sensitivity": f"{one.sensitivity:.3f}",
                "FP/scan": f"{one.fp_per_scan:.2f}",
                "lesions": one.n_lesions,
                "scans": one.n_scans,
                "reviewed": accepted + removed,
                "accepted": accepted,
                "found_before": old.n_found,
                "found_after": new.n_found,
                "false_before": old.n_false,
                "false_after": new.n_false,
                "DSC_before": _number(old.dsc),
                "DSC_after": _number(new.dsc),
            }
        )
    console = Console()
    console.table(rows)
    for one in chosen:
        console.say(f"{one.organ}: {one.reason}")
    for role in sorted({entry.role for entry in entries if entry.role}):
        console.say(f"A script, which sees nothing: {measure_times(entries, role).describe()}")
    return rows


def print_seconds(seconds: Mapping[str, list[float]]) -> None:
    """One row per kind of work: how often, median and longest."""
    Console().table(
        [
            {
                "what": what,
                "times": len(took),
                "median_s": f"{statistics.median(took):.2f}",
                "longest_s": f"{max(took):.2f}",
            }
            for what, took in seconds.items()
            if took
        ]
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
