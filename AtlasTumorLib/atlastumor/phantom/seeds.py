"""Which seeds are for what, so that no network is tested on a phantom that it was trained on."""

from __future__ import annotations

__all__ = ["DEMO_SEED", "DEVELOPMENT_SEED", "HELD_OUT_SEED", "TRAINING_SEED_END"]

TRAINING_SEED_END = 1_000_000
"""Training draws seeds below this."""

DEVELOPMENT_SEED = 2_000_000
"""Thresholds are chosen on seeds from here up to `HELD_OUT_SEED`."""

HELD_OUT_SEED = 5_000_000
"""Evaluation uses seeds from here on, which nothing else may touch."""

DEMO_SEED = 4_000_002
"""The phantom of the demonstration: neither trained nor evaluated on; chosen for large tumors."""
