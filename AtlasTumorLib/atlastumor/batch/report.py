"""`report.html`: an evaluation for people, each table under the rules that made its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from .. import __version__
from ..detection.rates import Rate
from ..detection.size_bins import SIZE_BINS
from ..organs import RGB, find_organ
from ..provenance import creation_time
from ..results.tables import NOTICE
from .definitions import define
from .evaluate import Evaluation, Mean, OrganResult
from .page import PAGE
from .scoring import OrganScore

__all__ = ["make_report"]

_MOST_CASES = 200


def make_report(evaluation: Evaluation) -> str:
    """Write an evaluation as a page.

    Args:
        evaluation: What to show.

    Returns:
        HTML, whole and by itself.
    """
    tables = (
        _make_tumor_table(evaluation),
        _make_patient_table(evaluation),
        _make_size_table(evaluation),
        _make_case_table(evaluation),
    )
    return PAGE.substitute(
        notice=escape(NOTICE),
        summary=escape(_summarize(evaluation)),
        tables="\n".join(tables),
        problems=_make_problems(evaluation),
        created=escape(creation_time()),
        version=escape(__version__),
    )


def _summarize(evaluation: Evaluation) -> str:
    n_cases = len({score.case for score in evaluation.scores})
    n_bad = len({problem.case for problem in evaluation.problems})
    text = f"{_count(n_cases, 'case was', 'cases were')} measured"
    if not n_bad:
        return f"{text}; none was left out."
    return f"{text}; {_count(n_bad, 'case has a problem', 'cases have problems')}, listed below."


def _make_tumor_table(evaluation: Evaluation) -> str:
    meaning = define(evaluation.options)
    heads = (
        "Organ",
        "Scans",
        "Sensitivity, tumor level",
        "DSC",
        f"NSD, {evaluation.options.tolerance_mm:g} mm",
        "HD95 (mm)",
        "Volume error",
    )
    rows = [
        [
            _name(result),
            f"{result.n_scans}<small>{result.n_tumor_scans} with lesions, "
            f"{result.n_clear_scans} clear</small>",
            _rate(result.tumor),
            _mean(result.means["dsc"], 3),
            _mean(result.means["nsd"], 3),
            _mean(result.means["hd95_mm"], 1),
            _mean(result.means["volume_error"], 0, percent=True),
        ]
        for result in evaluation.organs
    ]
    rules = {
        "Sensitivity": meaning["tumor_sensitivity"],
        "Components": meaning["components"],
        "DSC": meaning["dsc"],
        "NSD": meaning["nsd"],
        "HD95": meaning["hd95_mm"],
        "Volume error": meaning["volume_error"],
        "Predictions": meaning["prediction"],
        "Intervals": meaning["interval"],
    }
    return _table("Tumors", rules, heads, rows)


def _make_patient_table(evaluation: Evaluation) -> str:
    meaning = define(evaluation.options)
    heads = (
        "Organ",
        "Sensitivity, any place",
        "Sensitivity, right place",
        "Specificity",
        "False positives per scan",
        "The same, strict",
    )
    rows = [
        [
            _name(result),
            _rate(result.patients.sensitivity),
            _rate(result.patients.localized),
            _rate(result.patients.specificity),
            _mean(result.fp_per_scan, 2),
            _mean(result.strict_fp_per_scan, 2),
        ]
        for result in evaluation.organs
    ]
    rules = {
        "Any place": meaning["patient_sensitivity"],
        "Right place": meaning["patient_sensitivity_localized"],
        "Specificity": meaning["specificity"],
        "False": meaning["n_false"],
        "Strict": meaning["n_false_strict"],
    }
    return _table("Patients", rules, heads, rows)


def _make_size_table(evaluation: Evaluation) -> str:
    meaning = define(evaluation.options)
    heads = ("Organ", *(f"{size.key.capitalize()}: {size.text}" for size in SIZE_BINS))
    rows = [
        [_name(result), *(_rate(result.sizes[size.key]) for size in SIZE_BINS)]
        for result in evaluation.organs
    ]
    rules = {"Sensitivity": meaning["tumor_sensitivity"], "Size": meaning["size"]}
    return _table("Sensitivity by size, tumor level", rules, heads, rows)


def _make_case_table(evaluation: Evaluation) -> str:
    meaning = define(evaluation.options)
    heads = ("Case", "Organ", "Found / lesions", "False", "DSC", "NSD", "HD95 (mm)", "Volume error")
    ordered = sorted(evaluation.scores, key=lambda score: _worst_first(score, evaluation))
    rows = [list(_list_cells(score, evaluation)) for score in ordered[:_MOST_CASES]]
    order = "Most missed lesions first, then most false positives, then the lowest Dice."
    if len(ordered) > _MOST_CASES:
        order += f" The first {_MOST_CASES} of {len(ordered)}."
    rules = {"Order": order, "Found": meaning["hit"], "False": meaning["n_false"]}
    return _table("Cases", rules, heads, rows)


def _worst_first(score: OrganScore, evaluation: Evaluation) -> tuple[float, ...]:
    counts = score.counts(evaluation.options.rule)
    dice = 1.0 if math.isnan(score.dsc) else score.dsc
    return (counts["n_found"] - counts["n_lesions"], -counts["n_false"], dice)


def _list_cells(score: OrganScore, evaluation: Evaluation) -> Iterator[str]:
    counts = score.counts(evaluation.options.rule)
    organ = find_organ(score.organ)
    yield escape(score.case)
    yield _swatch(organ.tumor_color) + escape(organ.name)
    yield f"{counts['n_found']} / {counts['n_lesions']}"
    yield str(counts["n_false"])
    yield _number(score.dsc, 3)
    yield _number(score.nsd, 3)
    yield _number(score.hd95_mm, 1)
    yield _number(score.volume_error, 0, percent=True)


def _make_problems(evaluation: Evaluation) -> str:
    if not evaluation.problems:
        return ""
    rows = [[escape(problem.case), escape(problem.message)] for problem in evaluation.problems]
    rule = "What is listed here is in none of the numbers above; everything else counts."
    return _table("Problems", {"Left out": rule}, ("Case", "What is wrong"), rows)


def _table(
    title: str, rules: Mapping[str, str], heads: Sequence[str], rows: Iterable[Sequence[str]]
) -> str:
    """A heading, the rules of the numbers, and the numbers; cells are HTML already."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    notes = "<dl>"
    for term, text in rules.items():
        notes += f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>"
    notes += "</dl>"
    return f"<h2>{escape(title)}</h2>\n{notes}\n<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _rate(rate: Rate) -> str:
    if not rate.n_total:
        return "n/a"
    notes = [f"{rate.n_hit}/{rate.n_total}"]
    if rate.interval is not None:
        notes.append(f"{100 * rate.interval[0]:.1f} to {100 * rate.interval[1]:.1f} %")
    if rate.method:
        notes.append(rate.method)
    return f"{100 * rate.value:.1f} %<small>{escape('; '.join(notes))}</small>"


def _mean(mean: Mean, digits: int, *, percent: bool = False) -> str:
    """The mean with the cases' spread; below it how sure it is and over how many cases."""
    if not mean.n:
        return "n/a"
    text = _number(mean.value, digits, percent=percent)
    if not math.isnan(mean.sd):
        text += f" ± {_number(mean.sd, digits, percent=percent)}"
    notes = [f"n = {mean.n}"]
    if mean.interval is not None:
        low, high = (_number(end, digits, percent=percent) for end in mean.interval)
        notes.insert(0, f"{low} to {high}")
    if mean.n_without:
        notes.append(f"{mean.n_without} not defined")
    return f"{text}<small>{'; '.join(notes)}</small>"


def _number(value: float, digits: int, *, percent: bool = False) -> str:
    if math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "∞"
    return f"{100 * value:.{digits}f} %" if percent else f"{value:.{digits}f}"


def _name(result: OrganResult) -> str:
    organ = find_organ(result.organ)
    return _swatch(organ.tumor_color) + escape(organ.name)


def _swatch(color: RGB) -> str:
    return f'<i style="background:rgb{color}"></i>'


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
