"""The page that `report.py` fills."""

from __future__ import annotations

from ..results.sheet import make_page

__all__ = ["PAGE"]

_STYLE = """\
  body { max-width: 1180px; }
  h2 { margin: 26px 0 4px; break-after: avoid; }
  dl { display: grid; grid-template-columns: max-content 1fr; column-gap: 14px; margin: 4px 0 10px;
    color: #4a545c; font-size: 12px; }
  dt { font-weight: 600; }
  dd { margin: 0; max-width: 110ch; }
  th, td { padding-right: 14px; }
  th { vertical-align: bottom; }
  td { font-variant-numeric: tabular-nums; }
  small { display: block; color: #4a545c; font-size: 12px; }
  @page { size: A4 landscape; }
"""

PAGE = make_page(
    "AtlasTumor evaluation",
    """\
$tables
$problems
<footer>Made on $created by AtlasTumor $version. All numbers of all cases: metrics.csv; all lesions:
lesions.csv; the same with every definition: metrics.json.</footer>
""",
    style=_STYLE,
)
