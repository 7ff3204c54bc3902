"""What a person reads after a study: one page that says what it shows, whichever way it goes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..batch.cases import Problem
from ..results.tables import NOTICE
from .analysis import Curve, Gain, Study
from .figures import name_arm, name_organ
from .fitting import predict
from .metrics import ALL, METRICS

__all__ = ["say_gains", "write_report"]

_HEADLINES = ("dsc", "tumor_sensitivity", "false_per_scan")
_FEW_SEEDS = 5
_Lines = list[str]


def write_report(
    path: Path, study: Study, figures: Sequence[Path], problems: Sequence[Problem]
) -> None:
    """Write the page.

    Args:
        path: The .md file.
        study: What to tell.
        figures: Those of it, beside the page.
        problems: Of cells that failed.
    """
    pictures = [file.name for file in figures if file.suffix == ".svg"]
    blocks: list[_Lines] = [
        ["# Accuracy and the number of scans"],
        [NOTICE],
        _say_design(study),
        ["## What it shows"],
        *([f"![{name}]({name})"] for name in pictures[:1]),
        *_say_sets(study),
        ["## What it cannot show"],
        _say_limits(study),
        ["## Estimates"],
        _tabulate_estimates(study),
        *([f"![{name}]({name})"] for name in pictures[1:]),
        ["## Numbers"],
        *(block for name in study.config.held_out for block in _tabulate_set(study, name)),
        ["## Fits"],
        _tabulate_fits(study),
        ["## Definitions"],
        _define(study),
        *_list_problems(study, problems),
    ]
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    path.write_text(text, encoding="utf-8")


def _main_organ(study: Study) -> str:
    return ALL if len(study.organs) > 1 else study.organs[0]


def _say_design(study: Study) -> _Lines:
    config, facts = study.config, [result.facts for result in study.results]
    seconds = sum(one["training_seconds"] + one["evaluation_seconds"] for one in facts)
    sets = ", ".join(f"{n} of '{name}'" for name, n in study.n_patients.items())
    machines = sorted({f"{one['machine']}, {one['threads']} thread(s) a cell" for one in facts})
    arms = ", ".join(name_arm(fold) for fold in config.folds)
    return [
        f"- Subsets: {_join(config.sizes)} scans, each holding the smaller ones of its seed.",
        f"- Arms: {arms}. With k-fold synthetic scans, k of k + 1 patches of training get a "
        "synthetic tumor, grown on the fly in the same real scans where an organ is healthy.",
        f"- Seeds: {_join(config.seeds)}; arms of one seed learn from the same real scans.",
        f"- Every training takes {config.training.steps} steps of {config.training.batch} patches, "
        "whatever the size: more scans are not more steps.",
        f"- Held-out scans: {sets}. No scan, nor a copy or part of one, is in both.",
        f"- Cells: {len(study.results)} of {study.n_cells}, in {seconds / 3600:.2f} h of "
        f"computing on {'; '.join(machines)}.",
    ]


def _say_sets(study: Study) -> Iterator[_Lines]:
    organ = _main_organ(study)
    for name in study.config.held_out:
        lines = [f"**{name}**, {name_organ(organ).lower()}:", ""]
        for fold in study.config.folds:
            curve = study.curves[name, organ, "dsc", fold]
            lines.append(f"- {_say_curve(curve)}")
        for fold in study.config.folds:
            for metric in _HEADLINES:
                gain = study.gains.get((name, organ, metric, fold))
                if gain is not None:
                    lines.append(f"- {say_gains(gain)}")
        yield lines


def _say_curve(curve: Curve) -> str:
    """One arm in a sentence."""
    first, last = curve.mean[0], curve.mean[-1]
    arm = name_arm(curve.fold).capitalize()
    title = METRICS[curve.metric].title
    if math.isnan(first) or math.isnan(last):
        return f"{arm}: {title} is not known at both ends."
    text = (
        f"{arm}: {title} goes from {_with(first, curve.interval[:, 0])} with {curve.sizes[0]} "
        f"scans to {_with(last, curve.interval[:, -1])} with {curve.sizes[-1]}."
    )
    if curve.plateau is not None:
        text += f" Plateau: {curve.plateau.tell()}."
    return text


def say_gains(gain: Gain) -> str:
    """Say in a sentence where an arm is better, where worse, and where nobody can tell.

    Args:
        gain: Of an arm over that of real scans only.

    Returns:
        The sentence, with the differences and their intervals.
    """
    lower_is_better = gain.metric == "false_per_scan"
    words: dict[str, list[str]] = {"higher": [], "lower": [], "not shown to differ": []}
    for n, mean, low, high in zip(gain.sizes, gain.mean, *gain.interval, strict=True):
        if math.isnan(mean):
            continue
        kind = "higher" if low > 0 else "lower" if high < 0 else "not shown to differ"
        words[kind].append(f"{n} ({_signed(mean)}; {_signed(low)} to {_signed(high)})")
    title = METRICS[gain.metric].title
    parts = [f"{kind} at n = {', '.join(at)}" for kind, at in words.items() if at]
    if not parts:
        return f"{title} cannot be compared."
    note = " (lower is better)" if lower_is_better else ""
    text = f"{title}{note}, {name_arm(gain.fold)} against real only: {'; '.join(parts)}."
    if gain.equal is not None:
        text += " As good as all real scans with this share of them: "
        text += f"{gain.equal.tell(as_share=True)}."
    return text


def _say_limits(study: Study) -> _Lines:
    config = study.config
    n_seeds = len(config.seeds)
    lines = [
        "- Every training takes the same number of steps. A larger subset may need more of them, "
        "so curves may flatten for want of training rather than of data.",
        f"- Nothing is said about sizes below {config.sizes[0]} and above {config.sizes[-1]}: "
        "estimates beyond them are called 'not reached'.",
        f"- A power law with three parameters over {len(config.sizes)} sizes fits closely whatever "
        "the cause; its exponent is a description, not a law of nature.",
        "- Many metrics, sets and sizes are compared, each at 95 %, without correction: one in "
        "twenty would differ by chance.",
    ]
    lines += _say_unequal(study)
    if n_seeds < _FEW_SEEDS:
        lines.append(
            f"- {n_seeds} seed(s) show little of how much another subset or start would change: "
            "intervals are too narrow rather than too wide."
        )
    if len(study.results) < study.n_cells:
        lines.append(
            f"- {study.n_cells - len(study.results)} of {study.n_cells} cells are missing; means "
            "are over the seeds that are there."
        )
    return lines


def _say_unequal(study: Study) -> Iterator[str]:
    """What differs between the arms beside the synthetic scans."""
    share, fold = study.config.training.tumor_share, study.config.folds[-1]
    if not fold:
        return
    most = fold / (1 + fold)
    yield (
        f"- With synthetic scans up to {most + (1 - most) * share:.0%} of the patches show a "
        f"tumor, without at most {share:.0%}. That alone can make a network find more and be wrong "
        "more often."
    )
    yield (
        "- Sensitivity, specificity and false positives are those at the models' own thresholds, "
        "not at equal false positives; the AUC is over all thresholds."
    )


def _tabulate_estimates(study: Study) -> _Lines:
    lines = [
        f"Plateau: from how many scans on twice as many gain less than {study.config.gain:g}. "
        "Equal: the share of the real scans with which the arm is as good as real only with all. "
        "Both are read off the fitted curves.",
        "",
        "| set | metric | arm | plateau | equal |",
        "|---|---|---|---|---|",
    ]
    organ = _main_organ(study)
    for name in study.config.held_out:
        for metric in METRICS.values():
            for fold in study.config.folds if metric.is_fitted else ():
                curve = study.curves[name, organ, metric.key, fold]
                gain = study.gains.get((name, organ, metric.key, fold))
                equal = gain.equal.tell(as_share=True) if gain and gain.equal else ""
                plateau = curve.plateau.tell() if curve.plateau else ""
                cells = (name, metric.title, name_arm(fold), plateau, equal)
                lines.append("| " + " | ".join(cells) + " |")
    return lines


def _tabulate_set(study: Study, name: str) -> Iterator[_Lines]:
    """A table over all organs, then one per organ."""
    sizes = study.config.sizes
    for organ in (ALL, *study.organs) if len(study.organs) > 1 else study.organs:
        head = ["metric", "arm", *(f"n = {n}" for n in sizes)]
        lines = [f"**{name}, {name_organ(organ).lower()}**", "", "| " + " | ".join(head) + " |"]
        lines.append("|" + "---|" * len(head))
        for metric in METRICS.values():
            for fold in study.config.folds:
                curve = study.curves[name, organ, metric.key, fold]
                values = (
                    _with(mean, ends)
                    for mean, ends in zip(curve.mean, curve.interval.T, strict=True)
                )
                lines.append("| " + " | ".join([metric.title, name_arm(fold), *values]) + " |")
        yield lines


def _tabulate_fits(study: Study) -> _Lines:
    lines = [
        "Fitted: 1 - metric = a n^-b + c, with a >= 0, 0.05 <= b <= 2, c >= 0, by least squares "
        "over the means of the sizes; where three sizes are known c is 0, unless their mean "
        "(a = 0) is nearer. A b at a bound means that no such curve fits well; the last column is "
        "how far the fit is from a mean at most.",
        "",
        "| set | metric | arm | a | b | c | off by |",
        "|---|---|---|---|---|---|---|",
    ]
    for curve in study.curves.values():
        if curve.law is None or curve.organ != _main_organ(study):
            continue
        numbers = []
        for samples in (curve.law.a, curve.law.b, curve.law.c):
            known = sorted(float(x) for x in samples[1:] if math.isfinite(x))
            ends = _ends(known) if known else (math.nan, math.nan)
            numbers.append(_with(float(samples[0]), ends))
        off = np.abs(1 - curve.mean - predict(curve.law.at(0), curve.sizes))
        numbers.append(f"{np.nanmax(off):.3f}" if np.isfinite(off).any() else "n/a")
        cells = (curve.set, METRICS[curve.metric].title, name_arm(curve.fold), *numbers)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _ends(known: Sequence[float]) -> tuple[float, float]:
    last = len(known) - 1
    return known[round(0.025 * last)], known[round(0.975 * last)]


def _define(study: Study) -> _Lines:
    options = study.config.evaluation
    return [
        *(f"- {metric.title}: {metric.meaning}" for metric in METRICS.values()),
        f"- {options.rule.text} Lesions and candidates are of {options.min_volume_mm3:g} mm3 or "
        f"more; surfaces agree up to {options.tolerance_mm:g} mm.",
        "- Over all organs, each organ of each scan counts as one; the AUC is the organs' mean.",
        "- Where no scan of a subset was searched for tumors of an organ, none of them are found.",
        f"- In brackets: the middle 95 % of {study.config.samples} samples, in each of which seeds "
        "and held-out scans are drawn again with replacement, the same for all arms and sizes.",
    ]


def _list_problems(study: Study, problems: Iterable[Problem]) -> Iterator[_Lines]:
    told = [f"- {one.case}: {one.message}" for one in problems]
    told += sorted(
        {f"- {one.case}: {one.message}" for result in study.results for one in result.problems}
    )
    if told:
        yield ["## Problems"]
        yield told


def _with(value: float, ends: Any) -> str:
    """A number with its interval."""
    if math.isnan(value):
        return "n/a"
    low, high = float(ends[0]), float(ends[1])
    if math.isnan(low):
        return f"{value:.3f}"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _join(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)
