"""Procedural abdominal CT: whole bodies with tumors, made from a seed.

`make_anatomy` paints tissues (for training). The packages below know nothing of networks.
"""

from __future__ import annotations

from .anatomy import FIELDS_OF_VIEW, Anatomy, make_anatomy
from .seeds import DEVELOPMENT_SEED, HELD_OUT_SEED, TRAINING_SEED_END
from .tissues import TISSUE_LABEL, Tissue, sample_hu
from .tumors import PhantomLesion, TumorOptions

__all__ = [
    "DEVELOPMENT_SEED",
    "FIELDS_OF_VIEW",
    "HELD_OUT_SEED",
    "TISSUE_LABEL",
    "TRAINING_SEED_END",
    "Anatomy",
    "PhantomLesion",
    "Tissue",
    "TumorOptions",
    "make_anatomy",
    "sample_hu",
]
