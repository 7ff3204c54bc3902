"""Segment all scans of a folder, go on where the last run ended, and look at what was found.

Run: python 10_batch.py folder results
"""

import csv
import sys
from pathlib import Path

from atlastumor.cohorts import make_settings, run_batch


def main() -> None:
    """Run a cohort, and read its tables."""
    scans, results = Path(sys.argv[1]), Path(sys.argv[2])
    settings = make_settings(organs=["liver", "kidney"], report=False)

    def tell(end) -> None:
        print(f"{end.id}: {end.state}{': ' + end.reason if end.reason else ''}")

    summary = run_batch([scans], results, settings, n_workers=1, on_end=tell)
    print(f"{summary.counts['done']} of {summary.n_cases} cases are done.")
    for place in sorted((results / "cases").iterdir()):
        with (place / "lesions.csv").open(newline="") as table:
            volumes = [float(row["volume_ml"]) for row in csv.DictReader(table)]
        print(f"{place.name}: {len(volumes)} tumors, {sum(volumes):.1f} mL")


if __name__ == "__main__":  # workers are processes that import this file
    main()
