"""The page that `report.py` fills."""

from __future__ import annotations

from .sheet import make_page

__all__ = ["PAGE"]

_STYLE = """\
  img { max-width: 100%; height: auto; border-radius: 3px; background: #101216; }
  .figures { margin-top: 22px; }
  figure { margin: 0 14px 14px 0; display: inline-block; vertical-align: top;
    break-inside: avoid; }
  figure img { margin-right: 8px; vertical-align: top; }
  figcaption { color: #4a545c; }
  .provenance { font-size: 12px; }
  code { overflow-wrap: anywhere; }
  @media print {
    figure img { max-height: 60mm; width: auto; }
  }
"""

PAGE = make_page(
    "AtlasTumor report",
    """\
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
""",
    style=_STYLE,
)
