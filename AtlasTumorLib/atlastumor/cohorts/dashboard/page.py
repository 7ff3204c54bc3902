"""The page that `sections.py` fills: light, dark and for paper, without scripts."""

from __future__ import annotations

from ...results.sheet import make_page

__all__ = ["PAGE"]

_STYLE = """\
  :root { color-scheme: light dark; --ink: #1c2126; --soft: #5a646d; --line: #d5dade;
    --paper: #fff; --panel: #f5f7f8; --accent: #2f6f9f; --done: #2f8f5b; --running: #2f6f9f;
    --waiting: #aab4bc; --failed: #b3261e; }
  @media screen and (prefers-color-scheme: dark) {
    :root { --ink: #e4e8eb; --soft: #9aa5ae; --line: #343b41; --paper: #14181b; --panel: #1d2327;
      --accent: #6cb0e0; --done: #4bb57d; --running: #6cb0e0; --waiting: #56616a;
      --failed: #e0655d; }
  }
  body { max-width: 1080px; color: var(--ink); background: var(--paper); }
  header { border-bottom-color: var(--ink); }
  .summary { font-size: 17px; }
  h2 { font-size: 18px; margin: 34px 0 2px; break-after: avoid; }
  h3 { font-size: 14px; margin: 0 0 2px; }
  h3 i, td i { display: inline-block; width: 12px; height: 12px; margin-right: 7px;
    border-radius: 2px; vertical-align: -1px; }
  .rule { color: var(--soft); margin: 0 0 12px; max-width: 92ch; font-size: 13px; }
  th, td { border-bottom-color: var(--line); font-variant-numeric: tabular-nums; }
  th { color: var(--soft); font-size: 12px; }
  td.n, th.n { text-align: right; } td.n { white-space: nowrap; }
  tr.scale td { border: 0; padding-top: 0; padding-bottom: 0; }
  td.chart { padding: 0 12px 0 0; line-height: 0; vertical-align: middle; width: 552px; }
  td small, h3 small { font-weight: 400; color: var(--soft); font-size: 12px; }
  .tiles { display: grid; grid-template-columns: repeat(5, 1fr); gap: 10px; margin: 16px 0 14px; }
  .tile { background: var(--panel); border-radius: 6px; padding: 10px 14px; }
  .tile b { display: block; font-size: 26px; line-height: 1.15; font-weight: 650; }
  .tile span { color: var(--soft); font-size: 12px; }
  .states { display: flex; height: 14px; gap: 2px; border-radius: 4px; overflow: hidden; }
  .states div { min-width: 3px; }
  .key { color: var(--soft); font-size: 12px; margin: 6px 0 0; }
  .key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px;
    margin: 0 5px 0 0; } .key span { margin-right: 18px; }
  .done { background: var(--done); } .running { background: var(--running); }
  .waiting { background: var(--waiting); } .quarantined { background: var(--failed); }
  .panels { display: grid; grid-template-columns: repeat(3, 1fr); gap: 16px 14px; }
  .panels > * { margin: 0; break-inside: avoid; }
  .cases img { width: 100%; height: auto; border-radius: 4px; display: block; }
  figcaption { font-size: 12px; color: var(--soft); margin-top: 5px; overflow-wrap: anywhere; }
  figcaption b { color: var(--ink); display: block; font-weight: 600; }
  a { color: inherit; text-decoration-color: var(--line); }
  svg { max-width: 100%; height: auto; font: 11px system-ui, sans-serif; }
  svg text { fill: var(--ink); } svg .tick, svg .class { fill: var(--soft); }
  svg .guide { stroke: var(--line); } svg .axis { stroke: var(--soft); }
  svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
  svg .dot, svg .column { stroke: var(--ink); stroke-opacity: .35; stroke-width: 1; }
  svg .band { fill: var(--panel); } svg .none { fill: none; }
  svg .area { fill: var(--accent); fill-opacity: .18; }
  svg .curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
  svg .spread { fill: var(--accent); }
  code { white-space: nowrap; }
  .none-found { color: var(--soft); }
  footer { color: var(--soft); }
  @media screen and (max-width: 760px) {
    .tiles { grid-template-columns: repeat(2, 1fr); } .panels { grid-template-columns: 1fr; }
    td.chart, th.chart, tr.scale { display: none; }
  }
  @media print {
    .tile, .states div, .key i, svg { -webkit-print-color-adjust: exact;
      print-color-adjust: exact; }
    h2 { margin-top: 20px; } .panels { gap: 10px; }
    .tile b { font-size: 20px; } .rule, td small, th { font-size: 9.5px; }
    td.chart { width: 58%; }
  }
"""

PAGE = make_page(
    "AtlasTumor cohort",
    """\
$sections
<footer>Made on $created by AtlasTumor $version. Every number of every case: tables/cases.csv,
tables/findings.csv and tables/lesions.csv.</footer>
""",
    style=_STYLE,
)
