"""Thresholds chosen together on several organs' maps, whose best choice is worked out by hand."""

import numpy as np
import pytest

from atlastumor.detection.reference import find_reference_lesions
from atlastumor.detection.sweep import SweepOptions, sweep_case
from atlastumor.evaluation.thresholds import choose_thresholds

SHAPE = (30, 20, 10)
SPACING = (1.0, 2.0, 3.0)
LESION, ELSEWHERE = np.s_[2:8, 2:8, 2:6], np.s_[20:26, 10:16, 2:6]


def a_sweep(organ, *, lesion, elsewhere, floor=0.05):
    reference = np.zeros(SHAPE, bool)
    reference[LESION] = True
    probability = np.zeros(SHAPE, np.float32)
    probability[LESION] = lesion
    probability[ELSEWHERE] = elsewhere
    lesions = find_reference_lesions(reference, spacing_mm=SPACING)
    return sweep_case("one", organ, probability, lesions, options=SweepOptions(floor=floor))


def test_of_the_thresholds_that_part_lesions_from_the_rest_the_middle_one_is_taken():
    sweeps = {"liver": [a_sweep("liver", lesion=0.72, elsewhere=0.4)]}

    chosen = choose_thresholds(sweeps, most_false_per_scan=0.0)

    assert chosen.thresholds == {"liver": 0.55}  # of 0.70, 0.65, ... 0.45
    assert (chosen.n_found, chosen.n_lesions, chosen.n_false) == (1, 1, 0)


def test_no_threshold_below_the_floor_of_the_sweeps_is_chosen():
    sweeps = {"liver": [a_sweep("liver", lesion=0.35, elsewhere=0.0, floor=0.3)]}

    assert choose_thresholds(sweeps, most_false_per_scan=1.0).thresholds == {"liver": 0.3}


def test_false_positives_are_spent_where_they_buy_most():
    sweeps = {
        # Two lesions for one false positive here, ...
        "liver": [
            a_sweep("liver", lesion=0.32, elsewhere=0.6),
            a_sweep("liver", lesion=0.32, elsewhere=0.1),
        ],
        # ... one for two there.
        "kidney": [
            a_sweep("kidney", lesion=0.32, elsewhere=0.6),
            a_sweep("kidney", lesion=0.06, elsewhere=0.6),
        ],
    }

    chosen = choose_thresholds(sweeps, most_false_per_scan=0.5)

    assert 0.1 < chosen.thresholds["liver"] <= 0.3
    assert chosen.thresholds["kidney"] > 0.6
    assert (chosen.n_found, chosen.n_lesions, chosen.n_false) == (2, 4, 1)


@pytest.mark.parametrize("allowed", [0.0, 10.0])
def test_more_are_never_false_than_is_allowed_where_that_can_be(allowed):
    sweeps = {"liver": [a_sweep("liver", lesion=0.5, elsewhere=0.8)] * 3}

    chosen = choose_thresholds(sweeps, most_false_per_scan=allowed)

    assert chosen.n_false <= 3 * allowed
    assert chosen.n_found == (3 if allowed else 0)
