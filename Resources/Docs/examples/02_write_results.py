"""Segment one organ and write masks, table and report to a folder.

Run: python 02_write_results.py scan.nii.gz results
"""

import sys
from pathlib import Path

from atlastumor import Segmenter, read_scan
from atlastumor.results import write_results

scan = read_scan(Path(sys.argv[1]))
segmentation = Segmenter(device="cpu").segment(scan, organs=["liver"])

for path in write_results(segmentation, scan, Path(sys.argv[2]), formats=["nifti", "seg.nrrd"]):
    print(path.name)
