"""The page that `report.py` fills: one file, no scripts, nothing fetched, made for A4 too."""

from __future__ import annotations

from string import Template

__all__ = ["PAGE"]

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AtlasTumor evaluation</title>
<style>
  body { font: 14px/1.45 system-ui, sans-serif; color: #1c2126; max-width: 1180px;
    margin: 24px auto; padding: 0 20px; }
  header { display: flex; justify-content: space-between; align-items: baseline;
    border-bottom: 2px solid #1c2126; }
  h1 { font-size: 24px; margin: 0 0 6px; }
  h2 { font-size: 16px; margin: 26px 0 4px; }
  .notice { background: #b3261e; color: #fff; padding: 2px 10px; border-radius: 3px;
    font-weight: 600; }
  .summary { font-size: 16px; margin: 14px 0; }
  dl { display: grid; grid-template-columns: max-content 1fr; column-gap: 14px; margin: 4px 0 10px;
    color: #4a545c; font-size: 12px; }
  dt { font-weight: 600; }
  dd { margin: 0; max-width: 110ch; }
  table { border-collapse: collapse; width: 100%; }
  th { text-align: left; font-weight: 600; vertical-align: bottom; }
  th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid #d5dade; }
  td { vertical-align: top; font-variant-numeric: tabular-nums; }
  td:first-child { white-space: nowrap; }
  td i { display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 2px;
    vertical-align: -1px; }
  small { display: block; color: #4a545c; font-size: 12px; }
  footer { color: #4a545c; font-size: 12px; margin-top: 18px; }
  @page { size: A4 landscape; margin: 12mm; }
  @media print {
    body { font-size: 10px; margin: 0; padding: 0; max-width: none; }
    .notice, i { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
    tr { break-inside: avoid; }
    h2 { break-after: avoid; }
  }
</style>
</head>
<body>
<header><h1>AtlasTumor evaluation</h1><span class="notice">$notice</span></header>
<p class="summary">$summary</p>
$tables
$problems
<footer>Made on $created by AtlasTumor $version. All numbers of all cases: metrics.csv; all lesions:
lesions.csv; the same with every definition: metrics.json.</footer>
</body>
</html>
""")
