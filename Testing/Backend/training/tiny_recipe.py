"""A recipe so small that a test can train with it."""

from __future__ import annotations

from atlastumor.training.recipe import Recipe

TINY = Recipe(
    steps=4,
    warmup=1,
    n_anatomies=1,
    scans_each=1,
    scan_share=0.5,
    patch=(16, 16, 16),
    spacing_mm=10.0,
    network_args={"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]},
)
