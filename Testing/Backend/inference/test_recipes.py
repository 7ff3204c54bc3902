from __future__ import annotations

import numpy as np
import pytest

from atlastumor.errors import InputError
from atlastumor.inference.engine import Segmenter

from .kitchen import (
    KIDNEY_TUMOR,
    KIDNEYS,
    LIVER,
    LIVER_TUMOR,
    Kitchen,
    a_scan_of_two_organs,
    open_mix,
)


def test_each_organ_comes_from_the_model_that_the_recipe_names(kitchen: Kitchen) -> None:
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["both"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )
    scan = a_scan_of_two_organs()

    result = open_mix().segment(scan, probabilities=True)

    whole = Segmenter("both", device="cpu", backend="torch", precision="fp32").segment(scan)
    np.testing.assert_array_equal(result.labels.array, whole.labels.array)
    assert {lesion.organ for lesion in result.lesions} == {"liver", "kidney"}
    assert [finding.n_lesions for finding in result.findings] == [1, 1]
    assert set(result.probabilities) == {"liver", "kidney"}
    record = result.provenance
    assert (record.model_id, record.weights_sha256) == ("mix", open_mix().card.weights.sha256)
    assert [(row["model_id"], row["organs"]) for row in record.parts] == [
        ("both", ["liver"]),
        ("kidneys", ["kidney"]),
    ]
    assert record.windows_run == sum(row["windows_run"] for row in record.parts)


def test_only_the_models_of_the_organs_asked_for_run(kitchen: Kitchen) -> None:
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["both"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )

    result = open_mix().segment(a_scan_of_two_organs(), organs=["kidney", "colon"])

    assert kitchen.loaded == ["kidneys"]
    assert set(np.unique(result.labels.array)) <= {0, *KIDNEYS, KIDNEY_TUMOR}
    assert [finding.message for finding in result.findings][1] == (
        "This model does not look for it."
    )
    with pytest.raises(InputError, match="knows none of the organs asked for"):
        open_mix().segment(a_scan_of_two_organs(), organs=["colon"])


def test_lesions_of_any_organ_count_within_the_outlines_of_another_model(kitchen: Kitchen) -> None:
    kitchen.add_model("organs", ["liver", "kidney"], (-100.0, 200.0))
    kitchen.add_recipe({"organs": ["kidney"], "models": ["lesions"], "within": "kidneys"})
    scan = a_scan_of_two_organs()

    result = open_mix().segment(scan, probabilities=True)

    kidney = scan.array > 200
    np.testing.assert_array_equal(result.labels.array == KIDNEY_TUMOR, kidney)
    probability = result.probabilities["kidney"].to_grid(scan.grid)
    assert (probability[~kidney] == 0).all()
    assert (probability[kidney] > 0.9).all()
    rows = {row["model_id"]: row for row in result.provenance.parts}
    assert rows["lesions"]["tumor_probabilities"] == ["kidney"]
    assert rows["kidneys"]["outlines"] == ["kidney"]


def test_a_model_of_organs_and_any_lesion_may_outline_for_itself(kitchen: Kitchen) -> None:
    kitchen.add_model("all", ["liver", "kidney", "lesion"], (-100.0, 200.0, 320.0))
    kitchen.add_recipe({"organs": ["liver", "kidney"], "models": ["all"], "within": "all"})
    scan = a_scan_of_two_organs()

    labels = open_mix().segment(scan).labels.array

    assert kitchen.loaded == ["all"]
    np.testing.assert_array_equal(labels == KIDNEY_TUMOR, scan.array == 350)
    np.testing.assert_array_equal(np.isin(labels, KIDNEYS), scan.array == 250)
    np.testing.assert_array_equal(labels == LIVER, np.isin(scan.array, (0, 150)))


def test_tumors_of_the_outlining_model_are_organ_where_lesions_are_looked_for(
    kitchen: Kitchen,
) -> None:
    kitchen.add_model("picky", ["lesion"], (310.0,))
    kitchen.add_recipe({"organs": ["liver"], "models": ["picky"], "within": "both"})
    scan = a_scan_of_two_organs()

    labels = open_mix().segment(scan).labels.array

    assert LIVER_TUMOR not in labels
    assert (labels[10:15, 10:15, 12:18] == LIVER).all()


def test_probabilities_of_several_models_are_averaged(kitchen: Kitchen) -> None:
    kitchen.add_model("bold", ["liver", "liver tumor"], (-100.0, 100.0))
    kitchen.add_model("blind", ["liver", "liver tumor"], (-100.0, 900.0))
    parts = {"organs": ["liver"], "models": ["bold", "blind"]}
    scan = a_scan_of_two_organs()
    tumor = (slice(11, 14), slice(11, 14), slice(13, 17))

    kitchen.add_recipe(parts, thresholds={"liver": 0.4})
    found = open_mix(disagreement=True).segment(scan, probabilities=True)
    kitchen.add_recipe(parts)
    missed = open_mix().segment(scan)

    assert (found.labels.array[tumor] == LIVER_TUMOR).all()
    assert (missed.labels.array[tumor] == LIVER).all()
    assert missed.findings[0].threshold == 0.5
    assert found.findings[0].threshold == 0.4
    mean = found.probabilities["liver"].to_grid(scan.grid)[tumor]
    spread = found.disagreement["liver"].to_grid(scan.grid)
    np.testing.assert_allclose(mean, 0.46, atol=0.04)  # one of them says 0.92, the other 0
    np.testing.assert_allclose(
        spread[tumor], mean, atol=2e-3
    )  # as of two numbers one of which is 0
    assert spread.max() <= 0.5
    assert found.provenance.disagreement == {"liver": "bold and blind"}
    assert missed.disagreement == {}


def test_a_threshold_of_the_user_comes_before_that_of_the_recipe(kitchen: Kitchen) -> None:
    kitchen.add_recipe({"organs": ["liver"], "models": ["both"]}, thresholds={"liver": 0.3})
    segmenter = open_mix()
    scan = a_scan_of_two_organs()

    assert segmenter.segment(scan).provenance.thresholds == {"liver": 0.3}
    asked = segmenter.segment(scan, thresholds={"liver": 1.0})
    assert asked.provenance.thresholds == {"liver": 1.0}
    assert LIVER_TUMOR not in asked.labels.array
    with pytest.raises(InputError, match="finds no tumors of kidney"):
        segmenter.segment(scan, thresholds={"kidney": 0.5})


def test_a_tumor_comes_before_an_organ_and_then_the_earlier_part(kitchen: Kitchen) -> None:
    kitchen.add_model("greedy", ["kidney", "kidney tumor"], (-100.0, 900.0))
    liver = {"organs": ["liver"], "models": ["both"]}
    kidney = {"organs": ["kidney"], "models": ["greedy"]}
    scan = a_scan_of_two_organs()
    at_liver, at_tumor = (9, 9, 11), (12, 12, 15)

    kitchen.add_recipe(liver, kidney)
    first = open_mix().segment(scan).labels.array
    kitchen.add_recipe(kidney, liver)
    second = open_mix().segment(scan).labels.array

    assert (first[at_liver], first[at_tumor]) == (LIVER, LIVER_TUMOR)
    assert second[at_liver] in KIDNEYS
    assert second[at_tumor] == LIVER_TUMOR


def test_a_model_that_several_parts_name_runs_once(kitchen: Kitchen) -> None:
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["lesions"], "within": "both"},
        {"organs": ["kidney"], "models": ["both", "kidneys"]},
    )
    scan = a_scan_of_two_organs()

    labels = open_mix().segment(scan).labels.array

    assert sorted(kitchen.loaded) == ["both", "kidneys", "lesions"]
    np.testing.assert_array_equal(labels == LIVER_TUMOR, scan.array == 150)
    np.testing.assert_array_equal(labels == KIDNEY_TUMOR, scan.array == 350)
    np.testing.assert_array_equal(np.isin(labels, KIDNEYS), scan.array == 250)


def test_lesions_judged_whole_by_their_own_model_stay_so(kitchen: Kitchen) -> None:
    judging = {"outline": 0.2, "min_lesion_ml": 0.1}
    kitchen.add_model("judge", ["liver", "liver tumor"], (-100.0, 145.0), postprocess=judging)
    kitchen.add_recipe({"organs": ["liver"], "models": ["judge"]}, thresholds={"liver": 0.5})
    options = {"device": "cpu", "backend": "torch", "precision": "fp32"}
    scan = a_scan_of_two_organs()

    alone = Segmenter("judge", **options).segment(scan, thresholds={"liver": 0.5}, organs=["liver"])
    mixed = open_mix().segment(scan, probabilities=True)

    np.testing.assert_array_equal(mixed.labels.array, alone.labels.array)
    assert mixed.findings == alone.findings
    assert mixed.probabilities["liver"].outline == 0.2
    assert mixed.provenance.parts[0]["outline"] == 0.2
