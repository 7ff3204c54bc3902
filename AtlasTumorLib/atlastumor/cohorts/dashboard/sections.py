"""The parts of the page, each a heading, the rule of its numbers, and what they are."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ...batch.cases import Problem
from ...detection.false_sizes import N_CLASSES
from ...detection.rates import wilson
from ...organs import ORGANS, Organ, find_organ
from ..outcome import STAGES
from ..rows import State
from .charts import color, draw_histogram, draw_interval, draw_scale, draw_spread
from .numbers import Numbers
from .pace import draw_pace, measure_pace
from .reasons import Reason, Reasons
from .thumbnails import embed_thumbnail

__all__ = [
    "list_failures",
    "list_largest",
    "show_prevalence",
    "show_running",
    "show_sizes",
    "show_states",
]

_STATES = {
    State.DONE: "done",
    State.RUNNING: "under way",
    State.WAITING: "waiting",
    State.QUARANTINED: "failed",
}
_STAGE_TEXTS = {
    "read": "Reading",
    "wait": "Waiting for the engine",
    "engine": "Engine",
    "write": "Writing",
}
_MB = 1e6
_MOST_REASONS = 25


def show_states(numbers: Numbers) -> str:
    """Show the cohort at a glance.

    Args:
        numbers: Of the cohort.

    Returns:
        HTML.
    """
    pace = measure_pace(numbers)
    n_left = numbers.states[State.WAITING] + numbers.states[State.RUNNING]
    engine = _median(numbers.seconds["engine"])
    tiles = {
        "cases": f"{numbers.n_cases:,}",
        "done": f"{numbers.states[State.DONE]:,}",
        "failed" if not n_left else f"failed, {n_left:,} to go": (
            f"{numbers.states[State.QUARANTINED]:,}"
        ),
        "cases per hour": f"{pace.per_hour:,.0f}" if pace else "n/a",
        "median engine time": f"{engine:.3g} s" if engine else "n/a",
    }
    boxes = "".join(
        f'<div class="tile"><b>{text}</b><span>{name}</span></div>' for name, text in tiles.items()
    )
    parts = {state: numbers.states[state] for state in _STATES if numbers.states[state]}
    bar = "".join(f'<div class="{state}" style="flex:{n}"></div>' for state, n in parts.items())
    key = "".join(
        f'<span><i class="{state}"></i>{_STATES[state]} {n:,}</span>' for state, n in parts.items()
    )
    return (
        f'<div class="tiles">{boxes}</div><div class="states">{bar}</div><p class="key">{key}</p>'
    )


def show_prevalence(numbers: Numbers) -> str:
    """Show in how many scans each organ has a tumor.

    Args:
        numbers: Of the cohort.

    Returns:
        HTML.
    """
    seen = [organ for organ in ORGANS if numbers.in_view[organ.key]]
    shares = {organ.key: _share(numbers, organ) for organ in seen}
    highest = max((interval[1] for _, interval in shares.values()), default=0.0)
    most = next(one for one in (0.05, 0.1, 0.25, 0.5, 1.0) if highest <= one)
    rows = [
        f"<tr><td>{_name(organ)}</td>"
        f'<td class="chart">{draw_interval(*shares[organ.key], most, organ.tumor_color)}</td>'
        f'<td class="n">{numbers.with_tumor[organ.key]:,} of {numbers.in_view[organ.key]:,}</td>'
        f'<td class="n">{_percent(shares[organ.key])}</td></tr>'
        for organ in seen
    ]
    if not rows:
        return _section("Tumors by organ", "", _nothing("No case has a result yet."))
    head = '<tr><th>Organ</th><th class="chart"></th><th class="n">Scans with tumor</th>'
    head += '<th class="n">Share</th></tr>'
    scale = f'<tr class="scale"><td></td><td class="chart">{draw_scale(most)}</td><td></td></tr>'
    rule = (
        "Scans in which the model outlined at least one tumor of the organ, of those in which any "
        "of the organ is in view, with Wilson's 95% interval. Findings of a model, not diagnoses: "
        "false positives count, missed tumors do not."
    )
    return _section("Tumors by organ", rule, f"<table>{head}{''.join(rows)}{scale}</table>")


def _share(numbers: Numbers, organ: Organ) -> tuple[float, tuple[float, float]]:
    n_tumor, n_seen = numbers.with_tumor[organ.key], numbers.in_view[organ.key]
    return n_tumor / n_seen, wilson(n_tumor, n_seen)


def _percent(share: tuple[float, tuple[float, float]]) -> str:
    low, high = (100 * end for end in share[1])
    return f"{100 * share[0]:.1f}% <small>{low:.1f} to {high:.1f}</small>"


def show_sizes(numbers: Numbers) -> str:
    """Show how large the tumors of each organ are.

    Args:
        numbers: Of the cohort.

    Returns:
        HTML.
    """
    panels = []
    for organ in ORGANS:
        counts = [numbers.sizes[organ.key][n] for n in range(N_CLASSES)]
        if n := sum(counts):
            chart = draw_histogram(counts, organ.tumor_color, organ.name)
            title = f"{_name(organ)} <small>{_count(n, 'tumor', 'tumors')}</small>"
            panels.append(f"<div><h3>{title}</h3>{chart}</div>")
    rule = (
        "Outlined tumors by the radius of the ball of their volume. Classes as in the paper: tiny "
        "up to 5 mm, small up to 10, medium under 20, large from 20 mm on."
    )
    body = f'<div class="panels">{"".join(panels)}</div>' if panels else _nothing("No tumors.")
    return _section("Sizes of tumors", rule, body)


def list_largest(numbers: Numbers, cases: Path) -> str:
    """Show the cases with the largest tumors.

    Args:
        numbers: Of the cohort.
        cases: Folder of the results.

    Returns:
        HTML; empty if no case has a tumor and a picture.
    """
    figures = []
    for one in numbers.largest:
        if image := embed_thumbnail(cases / one.case / "overview.png"):
            report = f"cases/{one.case}/report.html"
            name = escape(one.case)
            if (cases / one.case / "report.html").is_file():
                name = f'<a href="{quote(report)}">{name}</a>'
            text = f"{find_organ(one.organ).name}, {one.volume_ml:.1f} mL, {one.diameter_mm:.0f} mm"
            figures.append(
                f"<figure>{image}<figcaption><b>{name}</b>{escape(text)}</figcaption></figure>"
            )
    if not figures:
        return ""
    rule = "Of each case its largest tumor by volume, with its longest diameter."
    return _section("Largest findings", rule, f'<div class="panels cases">{"".join(figures)}</div>')


def show_running(numbers: Numbers) -> str:
    """Show how fast it went, and where the time and the memory went.

    Args:
        numbers: Of the cohort.

    Returns:
        HTML; empty if no case has ended.
    """
    pace = measure_pace(numbers)
    if pace is None:
        return ""
    rule = (
        f"{_count(pace.n_cases, 'case', 'cases')} in {pace.text}. Of each stage the median as a "
        "bar and the 95th percentile as a line; stages of different cases overlap."
    )
    highest = max(_high(values) for values in numbers.seconds.values())
    rows = [
        f"<tr><td>{_STAGE_TEXTS[stage]}</td>"
        f'<td class="chart">{draw_spread(_median(values), _high(values), highest)}</td>'
        f'<td class="n">{_median(values):.3g} s</td><td class="n">{_high(values):.3g} s</td>'
        f'<td class="n">{max(values):.3g} s</td></tr>'
        for stage in STAGES
        if (values := numbers.seconds[stage])
    ]
    memory = [
        f'<tr><td>{name}</td><td class="chart"></td>'
        f'<td class="n">{_median(values) / _MB:,.0f} MB</td>'
        f'<td class="n">{_high(values) / _MB:,.0f} MB</td>'
        f'<td class="n">{max(values) / _MB:,.0f} MB</td></tr>'
        for name, values in (
            ("Peak memory", numbers.host_bytes),
            ("Peak device memory", numbers.device_bytes),
        )
        if values
    ]
    head = '<tr><th>Per case</th><th class="chart"></th><th class="n">Median</th>'
    head += '<th class="n">95%</th><th class="n">Most</th></tr>'
    table = f"<table>{head}{''.join(rows)}{''.join(memory)}</table>"
    return _section("Throughput, time and memory", rule, draw_pace(numbers) + table)


def list_failures(numbers: Numbers, problems: Iterable[Problem]) -> str:
    """List why cases failed and inputs were no cases.

    Args:
        numbers: Of the cohort.
        problems: Of inputs that are no case.

    Returns:
        HTML.
    """
    unused = Reasons()
    for problem in problems:
        unused.add("", "input", problem.message)
    rows = [_list_reason(one, "failed") for one in numbers.reasons.ranked()[:_MOST_REASONS]]
    rows += [_list_reason(one, "not used") for one in unused.ranked()[:_MOST_REASONS]]
    if numbers.n_unreadable:
        text = "The result is missing or damaged. Run the same batch again; it is made anew."
        rows.append(_list_reason(Reason("result", text, numbers.n_unreadable), "unreadable"))
    if not rows:
        return _section("Failures", "", _nothing("None."))
    rule = (
        "Alike reasons together, the most frequent first; names of files are left out. "
        "<code>atlastumor batch status</code> lists each case with its own, "
        "<code>retry-failed</code> tries them again."
    )
    head = '<tr><th class="n">Cases</th><th>Reason</th><th>Such as</th></tr>'
    return _section("Failures", rule, f"<table>{head}{''.join(rows)}</table>")


def _list_reason(one: Reason, what: str) -> str:
    more = f" and {one.n - len(one.cases):,} more" if one.cases and one.n > len(one.cases) else ""
    cases = escape(", ".join(one.cases) + more)
    kind = escape(f"{what}: {one.kind}")
    return (
        f'<tr><td class="n">{one.n:,}</td><td>{escape(one.text)}<br><small>{kind}</small></td>'
        f"<td><small>{cases}</small></td></tr>"
    )


def _section(title: str, rule: str, body: str) -> str:
    """A part of the page; all but the title is HTML."""
    note = f'<p class="rule">{rule}</p>' if rule else ""
    return f"<section><h2>{escape(title)}</h2>{note}{body}</section>"


def _nothing(text: str) -> str:
    return f'<p class="none-found">{escape(text)}</p>'


def _name(organ: Organ) -> str:
    return f'<i style="background:{color(organ.tumor_color)}"></i>{escape(organ.name)}'


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def _high(values: Sequence[float]) -> float:
    """The 95th percentile."""
    ordered = sorted(values)
    return ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)] if ordered else 0.0
