"""Follow the progress of a segmentation and stop it when it has gone far enough.

Run: python 03_watch_and_cancel.py scan.nii.gz
"""

import sys
from pathlib import Path

from atlastumor import Segmenter, read_scan
from atlastumor.errors import Cancelled
from atlastumor.progress import CancelToken

cancel = CancelToken()


def watch(fraction: float, stage: str) -> None:
    """Show how far it is; a button would call `cancel.cancel()` as this does."""
    print(f"{fraction:4.0%} {stage}")
    if fraction > 0.2:
        cancel.cancel()


try:
    Segmenter(device="cpu").segment(read_scan(Path(sys.argv[1])), progress=watch, cancel=cancel)
except Cancelled:
    print("Stopped.")
