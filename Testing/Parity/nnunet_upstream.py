"""nnU-Net's own predictor, step by step, so that its probabilities can be seen too."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import torch
from nnunetv2.inference.export_prediction import (
    convert_predicted_logits_to_segmentation_with_correct_shape as to_segmentation,
)
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from Parity.nnunet_families import Family


@dataclass(frozen=True)
class Upstream:
    """What nnU-Net says of a scan.

    Args:
        labels: Its label map as its own writer writes it, (I, J, K).
        coarse: Probabilities on the network's grid, (C, I, J, K), its axes turned to ours.
        fine: Probabilities on the scan's grid, likewise.
        seconds: For reading, predicting and writing labels.
    """

    labels: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    seconds: float


def load_predictor(family: Family, model: Path) -> nnUNetPredictor:
    """The predictor with its usual settings, all folds."""
    os.environ |= {"nnUNet_compile": "0"}
    predictor = nnUNetPredictor(
        tile_step_size=0.5,
        use_gaussian=True,
        use_mirroring=family.mirrored,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(model), tuple(range(family.folds)))
    return predictor


def predict(predictor: nnUNetPredictor, scan: Path, out: Path) -> Upstream:
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
    labels = to_segmentation(logits, plans, configuration, manager, properties)
    reader.write_seg(labels, str(out), properties)
    seconds = time.perf_counter() - started
    _, fine = to_segmentation(
        logits, plans, configuration, manager, properties, return_probabilities=True
    )
    # The network's axes are (k, j, i), permuted by transpose_forward; undone and turned round.
    network = np.asarray(manager.apply_inference_nonlin(logits))
    coarse = network.transpose(0, *(1 + axis for axis in plans.transpose_backward))
    written = np.asarray(nibabel.load(out).dataobj)
    return Upstream(written, coarse.transpose(0, 3, 2, 1), fine.transpose(0, 3, 2, 1), seconds)
