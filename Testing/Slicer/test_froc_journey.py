"""From probability maps to reviewed truth and its numbers, through the real panel and its keys.

`make bench-journey` goes the same way with the embedded model's maps of phantoms and real scans.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.organs import ORGANS, find_organ
from atlastumor.review import read_log
from Slicer.froc_cohort import LIVER, PANCREAS, draw
from Slicer.journey.curve import choose, look_at_cases, measure, show_organ
from Slicer.journey.killing import find_lost, run_reader
from Slicer.journey.outcome import Outcome, evaluate
from Slicer.journey.places import Places

FIRST, SECOND = ORGANS[0].key, ORGANS[1].key
LESIONS = {FIRST: LIVER, SECOND: PANCREAS}
N_DECISIONS = 7
"""Candidates at the chosen thresholds: four lesions, two others, one of a case whose reference
cannot be used, so that it is removed."""


@pytest.fixture
def places(a_measured_cohort: Any, tmp_path: Path) -> Places:
    """The measured cohort, with everything else in a folder of its own."""
    for name in ("predictions", "references"):
        (tmp_path / name).symlink_to(getattr(a_measured_cohort, name))
    (tmp_path / "froc").symlink_to(a_measured_cohort.results)
    (tmp_path / "scans").symlink_to(a_measured_cohort.references)
    return Places(tmp_path)


@pytest.mark.slow
def test_from_maps_to_reviewed_truth_with_a_reader_killed_on_the_way(
    a_froc_panel: Any, a_slicer: Any, wait_for: Any, places: Places
) -> None:
    measure(a_froc_panel, places, wait_for)
    chosen = {one.organ: one for one in choose(a_froc_panel, places, a_slicer.user, wait_for)}
    assert {key: one.threshold for key, one in chosen.items()} == pytest.approx(
        {FIRST: 0.4, SECOND: 0.8}
    )
    show_organ(a_froc_panel, FIRST)
    cases = {name: n for name, n, _seconds in look_at_cases(a_froc_panel)}
    assert cases == {"alpha": 3, "beta": 1, "gamma": 1}

    before_kill = run_reader(places, kill_after=3, hold_after=N_DECISIONS - 1)
    after_kill = run_reader(places)

    assert 3 <= len(before_kill) < N_DECISIONS  # it was killed on the way
    decisions = [one for one in before_kill + after_kill if one[0] != "undo"]
    assert len(set(decisions)) == len(decisions)  # nothing was asked twice
    # One may have been recorded and not acknowledged when the reader was killed.
    assert N_DECISIONS - 1 <= len(decisions) <= N_DECISIONS
    assert not find_lost(places, before_kill + after_kill)
    assert [entry.kind for entry in read_log(places.review).entries].count("undo") == 1
    check_truth(places)
    check_numbers(places, chosen)


def check_truth(places: Places) -> None:
    """Every candidate here is exactly its lesion, so the reviewed truth is the reference."""
    for case in ("alpha", "beta", "gamma"):
        path = places.truth / case / "labels.nii.gz"
        labels = np.asarray(nibabel.load(path).dataobj)
        for organ, lesions in LESIONS.items():
            mask = draw(*lesions.get(case, ((), ())))[1].astype(bool)
            assert ((labels == find_organ(organ).tumor_label) == mask).all(), (case, organ)
        assert (places.truth / case / "segmentation.seg.nrrd").is_file()


def check_numbers(places: Places, chosen: dict[str, Any]) -> None:
    """The false candidates are gone, and no lesion with them."""
    words = [w for key, one in chosen.items() for w in ("--threshold", f"{key}={one.threshold!r}")]
    before = evaluate(places.predictions, places.references, places.root / "before", *words)
    after = evaluate(places.truth, places.references, places.root / "after")
    assert (before[FIRST].n_found, before[FIRST].n_false) == (3, 2)
    assert before[FIRST].dsc < 1.0
    assert after[FIRST] == Outcome(n_lesions=3, n_found=3, n_false=0, dsc=1.0)
    assert after[SECOND] == Outcome(n_lesions=1, n_found=1, n_false=0, dsc=1.0)
