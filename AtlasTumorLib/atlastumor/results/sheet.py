"""What the pages of this software look like: one file, no scripts, nothing fetched, for A4 too."""

from __future__ import annotations

from string import Template

__all__ = ["make_page"]

_STYLE = """\
  body { font: 14px/1.45 system-ui, sans-serif; color: #1c2126; max-width: 1100px;
    margin: 24px auto; padding: 0 20px; }
  header { display: flex; justify-content: space-between; align-items: baseline;
    border-bottom: 2px solid #1c2126; }
  h1 { font-size: 24px; margin: 0 0 6px; }
  h2 { font-size: 16px; margin: 22px 0 6px; }
  .notice { background: #b3261e; color: #fff; padding: 2px 10px; border-radius: 3px;
    font-weight: 600; }
  .summary { font-size: 16px; margin: 14px 0; }
  table { border-collapse: collapse; width: 100%; }
  th { text-align: left; font-weight: 600; }
  th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid #d5dade; vertical-align: top; }
  td:first-child { white-space: nowrap; }
  td i { display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 2px;
    vertical-align: -1px; }
  footer { color: #4a545c; font-size: 12px; margin-top: 18px; }
  @page { size: A4; margin: 12mm; }
"""

_PRINT = """\
  @media print {
    body { font-size: 10px; margin: 0; padding: 0; max-width: none; }
    .notice, i, img { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
    tr { break-inside: avoid; }
  }
"""


def make_page(title: str, body: str, *, style: str) -> Template:
    """Lay out a page.

    Args:
        title: Heads the page.
        body: HTML below its first lines, with $-names to fill in.
        style: CSS of its own; comes after what all pages share, and before their rules for paper.

    Returns:
        The page, to be filled with `notice`, `summary` and the names in `body`.
    """
    return Template(
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{_STYLE}{style}{_PRINT}</style>
</head>
<body>
<header><h1>{title}</h1><span class="notice">$notice</span></header>
<p class="summary">$summary</p>
{body}</body>
</html>
"""
    )
