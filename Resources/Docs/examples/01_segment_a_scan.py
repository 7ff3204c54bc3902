"""Outline organs and tumors on a CT and list what was found.

Run: python 01_segment_a_scan.py scan.nii.gz
"""

import sys
from pathlib import Path

from atlastumor import Segmenter, read_scan

scan = read_scan(Path(sys.argv[1]))
segmentation = Segmenter(device="cpu").segment(scan)

for finding in segmentation.findings:
    print(f"{finding.organ}: {finding.message}")
for lesion in segmentation.lesions:
    r, a, s = lesion.point_ras
    print(
        f"{lesion.organ} {lesion.index}: {lesion.volume_ml:.1f} mL, {lesion.diameter_mm:.0f} mm "
        f"at R {r:.0f} A {a:.0f} S {s:.0f} mm, score {lesion.score:.2f}"
    )
