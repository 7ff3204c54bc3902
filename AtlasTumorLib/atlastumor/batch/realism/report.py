"""`report.html`: realism on one page without outside parts."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from ... import __version__
from ...organs import find_organ
from ...provenance import creation_time
from ...results.sheet import make_page
from ...results.tables import NOTICE
from .comparison import Comparison, OrganComparison
from .distances import Distance
from .features import FEATURES, Feature
from .texture import BIN_HU, GRID_MM

__all__ = ["make_report"]

PAGE = make_page(
    "AtlasTumor realism",
    """\
$tables
$plane
$pairs
$features
$problems
<footer>Made on $created by AtlasTumor $version. Every tumor: features.csv; every distance:
distances.csv; both with definitions: realism.json.</footer>
""",
    style="""\
  body { max-width: 1180px; }
  h2 { margin: 26px 0 4px; break-after: avoid; }
  td { font-variant-numeric: tabular-nums; }
  small { display: block; color: #4a545c; font-size: 12px; }
  p { max-width: 110ch; }
  img { max-width: 100%; }
  .far { background: #fbe3e1; }
  @page { size: A4 landscape; }
""",
)

_DISTANCE = (
    "Each cell: Wasserstein distance in standard deviations (SD) of the real tumors; below it the "
    "95 % interval of resampled cases, and the Kolmogorov-Smirnov distance. Shaded: farther apart "
    "than 95 % of what comes of dealing the same cases to both sides at random; an unshaded cell "
    "may also mean that there are too few cases. Resampled distances lie a little above the true "
    "ones."
)
_AREA = (
    "Told apart: area under the curve of a logistic regression of all features but size, on cases "
    "that it did not learn from. 0.5: it cannot tell them apart; 1: always."
)
_PLANE = (
    "Principal components of the features, standardized by the real tumors; circles are real, "
    "crosses synthetic, gray dots other organs. Unlike t-SNE, distances and axes have a meaning."
)
_PAIRS = (
    "The real and the synthetic tumor that are nearest in all features, then the next nearest of "
    "the others; these are the best matches, not typical ones. Each without and with outline."
)


def make_report(comparison: Comparison, pictures: Mapping[str, Path]) -> str:
    """Write a comparison as a page.

    Args:
        comparison: What to show.
        pictures: PNG files by "embedding" and by the keys of organs.

    Returns:
        HTML, whole and by itself.
    """
    return PAGE.substitute(
        notice=escape(NOTICE),
        summary=escape(_summarize(comparison)),
        tables=_make_distance_table(comparison),
        plane=_section("Tumors as points", _PLANE, _embed(pictures["embedding"], "Scatter plot")),
        pairs=_section("Side by side", _PAIRS, "\n".join(_list_pairs(comparison, pictures))),
        features=_make_feature_table(),
        problems=_make_problems(comparison),
        created=escape(creation_time()),
        version=escape(__version__),
    )


def _summarize(comparison: Comparison) -> str:
    n_real = sum(one.n_real for one in comparison.organs)
    n_synthetic = sum(one.n_synthetic for one in comparison.organs)
    names = ", ".join(find_organ(one.organ).name.lower() for one in comparison.organs)
    return f"{n_real} real and {n_synthetic} synthetic tumors were compared ({names})."


def _make_distance_table(comparison: Comparison) -> str:
    heads = ["Feature", *(_head(one) for one in comparison.organs)]
    rows = [
        [_cell(escape(feature.title)), *(_distance(one, feature) for one in comparison.organs)]
        for feature in FEATURES
    ]
    rows.append([_cell("<b>Told apart</b>"), *(_area(one) for one in comparison.organs)])
    return _section("Distances", f"{_DISTANCE} {_AREA}", _table(heads, rows))


def _head(one: OrganComparison) -> str:
    organ = find_organ(one.organ)
    return (
        f'<i style="background:rgb{organ.tumor_color}"></i>{escape(organ.name)}'
        f"<small>{one.n_real} real, {one.n_synthetic} synthetic</small>"
    )


def _distance(one: OrganComparison, feature: Feature) -> str:
    first, second = one.wasserstein[feature.key], one.ks[feature.key]
    if math.isnan(first.value):
        return _cell("n/a")
    notes = [f"KS {_number(second.value)}"]
    if not math.isnan(first.low):
        notes.insert(0, f"{_number(first.low)} to {_number(first.high)}")
    text = f"{_number(first.value)} SD<small>{'; '.join(notes)}</small>"
    return _cell(text, is_far=_is_far(first))


def _is_far(distance: Distance) -> bool:
    return distance.value > distance.by_chance


def _area(one: OrganComparison) -> str:
    return _cell("too few" if math.isnan(one.area) else f"{one.area:.2f}")


def _list_pairs(comparison: Comparison, pictures: Mapping[str, Path]) -> Iterator[str]:
    for one in comparison.organs:
        name = find_organ(one.organ).name
        yield f"<h3>{escape(name)}</h3>{_embed(pictures[one.organ], f'Pairs of {name} tumors')}"


def _make_feature_table() -> str:
    rows = [
        [_cell(escape(f.title)), _cell(escape(f.unit)), _cell(escape(f.meaning))] for f in FEATURES
    ]
    note = (
        "Codes in brackets are those of the Image Biomarker Standardisation Initiative (Zwanenburg "
        f"et al., Radiology 2020). Texture is measured on voxels of {GRID_MM:g} mm, {BIN_HU:g} HU "
        "a gray level; everything else on the scan's own. Compare scans of like spacing and kernel."
    )
    return _section("Features", note, _table(["Feature", "Unit", "Meaning"], rows))


def _make_problems(comparison: Comparison) -> str:
    if not comparison.problems:
        return ""
    rows = [[_cell(escape(p.case)), _cell(escape(p.message))] for p in comparison.problems]
    note = "What is listed here is in none of the numbers above; everything else counts."
    return _section("Problems", note, _table(["Case", "What is wrong"], rows))


def _section(title: str, note: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n<p>{escape(note)}</p>\n{content}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; heads and cells are HTML already."""
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _cell(text: str, *, is_far: bool = False) -> str:
    return f'<td class="far">{text}</td>' if is_far else f"<td>{text}</td>"


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "n/a"


def _embed(path: Path, description: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{escape(description)}">'
