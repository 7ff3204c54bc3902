"""Writes golden_surface.json: what DeepMind's own package says of the cases in surface_cases.py.

Run where `surface-distance==0.1`, `absl-py`, `numpy<2` and `scipy` are installed, apart from this
project's environment (the package needs a numpy that this project is too new for):

    PYTHONPATH=Testing python -m Backend.detection.make_golden_surface
"""

from __future__ import annotations

import json
from pathlib import Path

from Backend.detection.surface_cases import SurfaceCase, surface_cases


def measure(case: SurfaceCase) -> dict[str, object]:
    from surface_distance import metrics

    distances = metrics.compute_surface_distances(case.reference, case.prediction, case.spacing_mm)
    return {
        "case": case.name,
        "nsd": metrics.compute_surface_dice_at_tolerance(distances, case.tolerance_mm),
        "hd95_mm": metrics.compute_robust_hausdorff(distances, 95.0),
        "prediction_mm2": distances["surfel_areas_pred"].sum(),
        "reference_mm2": distances["surfel_areas_gt"].sum(),
    }


if __name__ == "__main__":
    golden = {
        "source": "surface-distance 0.1 (PyPI, DeepMind)",
        "command": "PYTHONPATH=Testing python -m Backend.detection.make_golden_surface",
        "cases": [measure(case) for case in surface_cases()],
    }
    path = Path(__file__).with_name("golden_surface.json")
    path.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
