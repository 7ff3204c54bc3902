"""Which seeds are for what, so that no network is tested on a phantom that it was trained on."""

from __future__ import annotations

from ..errors import InputError

__all__ = [
    "DEMO_SEED",
    "DEVELOPMENT_SEED",
    "HELD_OUT_SEED",
    "TRAINING_SEED_END",
    "list_training_seeds",
]

TRAINING_SEED_END = 1_000_000
"""Training draws seeds below this."""

DEVELOPMENT_SEED = 2_000_000
"""Thresholds are chosen on seeds from here up to `HELD_OUT_SEED`."""

HELD_OUT_SEED = 5_000_000
"""Evaluation uses seeds from here on, which nothing else may touch."""

DEMO_SEED = 4_000_002
"""The phantom of the demonstration: neither trained nor evaluated on; chosen for large tumors."""

_POOL_SEEDS = 1000  # that each pool has for itself


def list_training_seeds(seed: int, n_anatomies: int) -> range:
    """List the seeds of a pool of anatomies to train on; no two pools share one.

    Args:
        seed: Of the training.
        n_anatomies: Different phantoms in the pool.

    Returns:
        One seed per anatomy, all below `TRAINING_SEED_END`.

    Raises:
        InputError: If they would reach into another pool, or into what is kept for tests.
    """
    most = TRAINING_SEED_END // _POOL_SEEDS - 1
    if not (0 <= seed <= most and 1 <= n_anatomies <= _POOL_SEEDS):
        msg = (
            f"Seed {seed} with {n_anatomies} anatomies would train on phantoms of another seed or "
            f"on those kept for tests. Choose a seed of 0 to {most} and 1 to {_POOL_SEEDS} "
            "anatomies."
        )
        raise InputError(msg)
    return range(seed * _POOL_SEEDS, seed * _POOL_SEEDS + n_anatomies)
