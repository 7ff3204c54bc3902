"""Procedural abdominal CT: whole bodies with tumors, made from a seed.

`make_phantom` gives a scan with its truth; `make_anatomy` and `sample_hu` are the door for
training, which renders patches itself. Seeds below `TRAINING_SEED_END` are for training, from
`DEVELOPMENT_SEED` for choosing thresholds, from `HELD_OUT_SEED` for evaluation alone.
"""

from __future__ import annotations

from .anatomy import FIELDS_OF_VIEW, Anatomy, make_anatomy
from .making import Phantom, PhantomOptions, make_phantom
from .seeds import (
    DEMO_SEED,
    DEVELOPMENT_SEED,
    HELD_OUT_SEED,
    TRAINING_SEED_END,
    list_training_seeds,
)
from .tissues import TISSUE_LABEL, Tissue, sample_hu
from .tumors import PhantomLesion, TumorOptions

__all__ = [
    "DEMO_SEED",
    "DEVELOPMENT_SEED",
    "FIELDS_OF_VIEW",
    "HELD_OUT_SEED",
    "TISSUE_LABEL",
    "TRAINING_SEED_END",
    "Anatomy",
    "Phantom",
    "PhantomLesion",
    "PhantomOptions",
    "Tissue",
    "TumorOptions",
    "list_training_seeds",
    "make_anatomy",
    "make_phantom",
    "sample_hu",
]
