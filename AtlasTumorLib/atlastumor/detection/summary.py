"""All that is said about one organ of a cohort: curve, chosen point, how sure, by size, by patient.

From cached sweeps it takes seconds for hundreds of cases, so that a panel can ask again for another
hit rule or target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..provenance import to_plain
from .bootstrap import FP_GRID, Bands, draw_bands, draw_cases, find_interval
from .changes import Changes, find_changes
from .choice import Choice, choose_by_false_positives, choose_threshold
from .false_sizes import SIZE_TEXTS
from .folds import HeldOut, cross_validate
from .froc import FP_PER_SCAN, FrocCurve, Point, pool, sensitivity_at
from .rates import PatientLevel, Rate, measure_auc, measure_patients
from .size_bins import SIZE_BINS, measure_sizes

if TYPE_CHECKING:
    from .case_sweep import CaseSweep
    from .rules import HitRule

__all__ = ["OrganSummary", "SummaryOptions", "describe_rule", "summarize"]

PRESETS_FP = (1.0, 2.0, 4.0)


@dataclass(frozen=True)
class SummaryOptions:
    """How a cohort is judged.

    Args:
        target: Least pooled sensitivity of the chosen threshold.
        strict: Whether components that touch a lesion without hitting it are false positives.
        n_samples: Bootstrap samples; 0 leaves the intervals out.
        folds: Folds of the held-out check; under 2 leaves it out.
        seed: Of all random numbers.
    """

    target: float = 0.9
    strict: bool = False
    n_samples: int = 2000
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class OrganSummary:
    """What a cohort says about one organ.

    Args:
        curve: Every threshold where a count changes.
        choice: The chosen point, or why there is none.
        presets: Choices at 1, 2 and 4 false positives per scan.
        bands: Confidence intervals; None if none were asked for.
        held_out: The chosen threshold on cases it was not chosen on; None where that cannot be.
        at_fp: Sensitivity by false positives per scan, at 1/8 to 8.
        sizes: Sensitivity by size class at the chosen or else best point; empty without lesions.
        false_sizes: False positives at that point, one number for each of `SIZE_TEXTS`; empty if
            there is no point.
        patients: Patient level at that point; None if there is no point.
        mean_sensitivity: Mean over scans with lesions of each one's sensitivity at that point.
        options: What was asked for.
    """

    curve: FrocCurve
    choice: Choice
    presets: tuple[Choice, ...]
    bands: Bands | None
    held_out: HeldOut | None
    at_fp: dict[float, float]
    sizes: dict[str, Rate]
    false_sizes: tuple[int, ...]
    patients: PatientLevel | None
    mean_sensitivity: float
    options: SummaryOptions

    def sensitivity_interval(self, point: Point) -> tuple[float, float] | None:
        """95 % confidence interval of the sensitivity at a chosen point; None if unknown."""
        return self.bands.sensitivity_interval(point.threshold) if self.bands else None

    def fp_interval(self, point: Point) -> tuple[float, float] | None:
        """95 % confidence interval of FP per scan at a chosen point; None if unknown."""
        return self.bands.fp_interval(point.threshold) if self.bands else None

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the curve's rows as what JSON can hold; NaN becomes None."""
        record: dict[str, Any] = to_plain(
            {
                "organ": self.curve.organ,
                "hit_rule": describe_rule(self.curve.rule),
                "false_positives": "strict" if self.curve.strict else "lenient",
                "n_scans": self.curve.n_scans,
                "n_clear_scans": self.curve.n_clear,
                "n_lesions": self.curve.n_lesions,
                "n_points": int(self.curve.thresholds.size),
                "is_binary": self.curve.is_binary,
                "choice": _describe_choice(self, self.choice),
                "presets": [_describe_choice(self, choice) for choice in self.presets],
                "bootstrap": _describe_bands(self.bands),
                "held_out": asdict(self.held_out) if self.held_out else None,
                "sensitivity_at_fp_per_scan": {f"{fp:g}": s for fp, s in self.at_fp.items()},
                "sensitivity_at_fp_per_scan_intervals": _describe_read_off(self.bands),
                "mean_sensitivity_per_scan": self.mean_sensitivity,
                "sizes": {key: _describe_rate(rate) for key, rate in self.sizes.items()},
                "size_bounds": {one.key: one.text for one in SIZE_BINS},
                "false_positives_by_radius": dict(
                    zip(SIZE_TEXTS, self.false_sizes, strict=bool(self.false_sizes))
                ),
                "patients": _describe_patients(self.patients),
            }
        )
        return record


def summarize(
    sweeps: Sequence[CaseSweep], rule: HitRule, *, options: SummaryOptions | None = None
) -> OrganSummary:
    """Judge one organ of a cohort.

    Args:
        sweeps: One per case, of one organ; at least one.
        rule: When a lesion counts as found.
        options: Target, false positives, resampling.

    Returns:
        The summary.

    Raises:
        ValueError: If there are no sweeps, or the target is no sensitivity.
    """
    options = options or SummaryOptions()
    changes = find_changes(sweeps, rule)
    curve = pool(changes, sweeps[0].organ, rule, strict=options.strict)
    presets = tuple(choose_by_false_positives(curve, fp) for fp in PRESETS_FP)
    choice = choose_threshold(curve, options.target)
    times, bands = None, None
    if options.n_samples:
        times = draw_cases(changes.n_lesions, options.n_samples, seed=options.seed)
        bands = _draw_bands(changes, curve, times, (choice, *presets), options)
        choice = choose_threshold(curve, options.target, bands=bands)
    point = choice.chosen_or_best
    return OrganSummary(
        curve,
        choice,
        presets,
        bands,
        cross_validate(
            changes, curve, target=options.target, folds=options.folds, seed=options.seed
        ),
        {fp: sensitivity_at(curve, fp) for fp in FP_PER_SCAN},
        measure_sizes(sweeps, rule, point.threshold, times=times) if point else {},
        _count_false_sizes(sweeps, rule, point, strict=options.strict) if point else (),
        _measure_patients(sweeps, rule, point, times),
        _mean_sensitivity(sweeps, rule, point) if point else math.nan,
        options,
    )


def describe_rule(rule: HitRule) -> dict[str, Any]:
    """Give a hit rule as what JSON can hold, with the sentence that is printed beside numbers."""
    return {
        "name": rule.name,
        "threshold": rule.threshold,
        "guard": rule.guard,
        "text": rule.text,
    }


def _draw_bands(
    changes: Changes,
    curve: FrocCurve,
    times: npt.NDArray[np.float32],
    choices: Sequence[Choice],
    options: SummaryOptions,
) -> Bands:
    """Bands that have the chosen points among their rows."""
    points = [p for c in choices for p in (c.point, c.best, c.highest_feasible) if p is not None]
    keep = [curve.row_at(point.threshold) for point in points]
    return draw_bands(changes, curve, times, target=options.target, keep=keep, seed=options.seed)


def _measure_patients(
    sweeps: Sequence[CaseSweep],
    rule: HitRule,
    point: Point | None,
    times: npt.NDArray[np.float32] | None,
) -> PatientLevel | None:
    if point is None:
        return None
    patients = measure_patients(sweeps, rule, point.threshold)
    _, samples = measure_auc(sweeps, times)
    if samples is None:
        return patients
    low, high = find_interval(samples)
    return replace(patients, auc_interval=(float(low), float(high)))


def _count_false_sizes(
    sweeps: Sequence[CaseSweep], rule: HitRule, point: Point, *, strict: bool
) -> tuple[int, ...]:
    """False positives of all scans by size."""
    counts = [one.count_false_sizes(point.threshold, rule, strict=strict) for one in sweeps]
    return tuple(np.sum(counts, axis=0).tolist())


def _mean_sensitivity(sweeps: Sequence[CaseSweep], rule: HitRule, point: Point) -> float:
    """Every scan with lesions weighs the same here, however many it has."""
    shares = [float(s.hits_at(point.threshold, rule).mean()) for s in sweeps if s.lesions]
    return float(np.mean(shares)) if shares else math.nan


def _describe_choice(summary: OrganSummary, choice: Choice) -> dict[str, Any]:
    points = ("point", "best", "highest_feasible", "conservative")
    return {
        "target": choice.target,
        "reason": choice.reason,
        "floor_reached": choice.floor_reached,
        **{name: _describe_point(summary, getattr(choice, name)) for name in points},
    }


def _describe_point(summary: OrganSummary, point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    return asdict(point) | {
        "sensitivity_interval": summary.sensitivity_interval(point),
        "fp_per_scan_interval": summary.fp_interval(point),
    }


def _describe_bands(bands: Bands | None) -> dict[str, Any] | None:
    if bands is None:
        return None
    return {
        "n_samples": bands.n_samples,
        "seed": bands.seed,
        "threshold_interval": bands.threshold,
        "unreachable": bands.unreachable,
    }


def _describe_read_off(bands: Bands | None) -> dict[str, Any] | None:
    """Intervals of the curve where it is read off by custom."""
    if bands is None or bands.sensitivity_at_fp is None:
        return None
    columns = [(fp, FP_GRID.index(fp)) for fp in FP_PER_SCAN]
    return {f"{fp:g}": bands.sensitivity_at_fp[:, column] for fp, column in columns}


def _describe_rate(rate: Rate) -> dict[str, Any]:
    return asdict(rate) | {"value": rate.value}


def _describe_patients(patients: PatientLevel | None) -> dict[str, Any] | None:
    if patients is None:
        return None
    return {
        "sensitivity_location_free": _describe_rate(patients.sensitivity),
        "sensitivity_localized": _describe_rate(patients.localized),
        "specificity": _describe_rate(patients.specificity),
        "auc": patients.auc,
        "auc_interval": patients.auc_interval,
    }
