from __future__ import annotations

import numpy as np

from atlastumor.synthesis.handcrafted import Handcrafted
from Backend.synthesis.patches import DENSITY_HU, make_ball, make_patch, make_request


def test_no_part_of_a_dark_tumor_is_brighter_than_its_organ() -> None:
    patch = make_patch()
    shape = make_ball(patch, 30.0)

    painted = Handcrafted().paint(patch, shape, make_request(), np.random.default_rng(5))

    assert painted[shape.mask].max() < DENSITY_HU
    assert painted[shape.mask].std() > 1.0
