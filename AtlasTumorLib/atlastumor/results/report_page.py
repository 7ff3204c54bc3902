"""The page that `report.py` fills: one file, no scripts, nothing fetched, made for A4 too."""

from __future__ import annotations

from string import Template

__all__ = ["PAGE"]

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AtlasTumor report</title>
<style>
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
  td i { display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 2px;
    vertical-align: -1px; }
  img { max-width: 100%; height: auto; border-radius: 3px; background: #101216; }
  .figures { margin-top: 22px; }
  figure { margin: 0 14px 14px 0; display: inline-block; vertical-align: top;
    break-inside: avoid; }
  figure img { margin-right: 8px; vertical-align: top; }
  figcaption { color: #4a545c; }
  .provenance { font-size: 12px; }
  td:first-child { white-space: nowrap; }
  code { overflow-wrap: anywhere; }
  footer { color: #4a545c; font-size: 12px; margin-top: 18px; }
  @page { size: A4; margin: 12mm; }
  @media print {
    body { font-size: 10px; margin: 0; padding: 0; max-width: none; }
    .notice, i, img { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
    tr { break-inside: avoid; }
    figure img { max-height: 60mm; width: auto; }
  }
</style>
</head>
<body>
<header><h1>AtlasTumor report</h1><span class="notice">$notice</span></header>
<p class="summary">$summary</p>
$overview
<h2>Organs</h2>
<table>
<tr><th>Organ</th><th>In view</th><th>Volume (mL)</th><th>Tumors</th><th>Their volume (mL)</th>
<th>Finding</th></tr>
$findings
</table>
$lesions
<div class="figures">
$figures
</div>
$notes
<h2>How this result was made</h2>
<table class="provenance">
$provenance
</table>
<footer>Outlined by a program on $created; not reviewed. Pictures are in radiological convention:
the patient's right is on the left. The longest axis is the largest distance between two voxel
centers of a tumor in 3-D.</footer>
</body>
</html>
""")
