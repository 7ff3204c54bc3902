"""nnU-Net's own predictor, step by step, so that its probabilities can be seen too."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import torch
from Benchmarks.bench_runs import sum_in_float32
from nnunetv2.inference import predict_from_raw_data as upstream
from nnunetv2.inference.export_prediction import (
    convert_predicted_logits_to_segmentation_with_correct_shape as to_segmentation,
)
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from Parity.nnunet_families import Family

LEAST_WEIGHT = 2.0**-24  # the smallest number of half precision


@dataclass(frozen=True)
class Upstream:
    """What nnU-Net says of a scan.

    Args:
        labels: Its label map as its own writer writes it, (I, J, K).
        probabilities: On the scan's grid as nnU-Net reads it, its axes turned to (C, I, J, K).
        seconds: For reading, predicting, probabilities and writing labels.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    seconds: float


def load_predictor(family: Family, model: Path) -> upstream.nnUNetPredictor:
    """The predictor with its usual settings, all folds."""
    os.environ |= {"nnUNet_compile": "0"}
    predictor = upstream.nnUNetPredictor(
        tile_step_size=0.5,
        use_gaussian=True,
        use_mirroring=family.mirrored,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(model), tuple(range(family.folds)))
    return predictor


@contextmanager
def single_precision() -> Iterator[None]:
    """Let nnU-Net add up windows in single precision, with the least weight that it has in half.

    Half precision keeps a digit or none of the outermost voxels, which count little in their
    windows. What is left of a difference without it is not of the method.
    """
    kept = upstream.torch, upstream.compute_gaussian
    sum_in_float32(upstream)
    in_float32 = upstream.compute_gaussian
    upstream.compute_gaussian = lambda *args, **kwargs: in_float32(*args, **kwargs).clamp_(
        min=LEAST_WEIGHT
    )
    try:
        yield
    finally:
        upstream.torch, upstream.compute_gaussian = kept


def predict(predictor: upstream.nnUNetPredictor, scan: Path, out: Path) -> Upstream:
    """Predict one scan."""
    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    manager = predictor.label_manager
    reader = plans.image_reader_writer_class()
    started = time.perf_counter()
    image, properties = reader.read_images([str(scan)])
    data, _, properties = DefaultPreprocessor(verbose=False).run_case_npy(
        image, None, properties, plans, configuration, predictor.dataset_json
    )
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(data)).cpu()
    labels, probabilities = to_segmentation(
        logits, plans, configuration, manager, properties, return_probabilities=True
    )
    reader.write_seg(labels, str(out), properties)
    seconds = time.perf_counter() - started
    written = np.asarray(nibabel.load(out).dataobj)
    return Upstream(written, probabilities.transpose(0, 3, 2, 1), seconds)
