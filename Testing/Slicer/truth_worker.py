"""The fake worker with a phantom's own labels (`ATLASTUMOR_TRUTH`): pictures without a model."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "AtlasTumorSeg"))

import numpy as np
import SimpleITK as sitk
from AtlasTumorSegLib import FakeWorker


def draw(_shape: tuple[int, int, int], organs: tuple) -> np.ndarray:
    """Give the truth, (I, J, K), of the organs asked for."""
    truth = sitk.GetArrayFromImage(sitk.ReadImage(os.environ["ATLASTUMOR_TRUTH"])).T
    values = [value for organ in organs for value in (*organ.labels, organ.tumor_label)]
    return np.where(np.isin(truth, values), truth, 0).astype(np.uint8)


FakeWorker.draw = draw
FakeWorker.SCORE = math.nan

if __name__ == "__main__":
    sys.exit(FakeWorker.main())
