"""A cohort of four whose sums can be worked out by hand, evaluated."""

from __future__ import annotations

from pathlib import Path

from atlastumor.batch.cases import Problem
from atlastumor.batch.cohort import find_cases
from atlastumor.batch.evaluate import Evaluation, evaluate_scores
from atlastumor.batch.scoring import EvaluationOptions, score_case
from Backend.batch.cohorts import block, empty, labels, write_labels

LESION = block((1, 2, 2), (5, 6, 4))
CLOSE = block((2, 2, 2), (5, 6, 4))
ELSEWHERE = block((1, 8, 6), (5, 10, 8))

# Prediction and reference of liver tumors: found; missed with a false positive; a false positive on
# a clear scan; nothing on a clear scan. The last speaks of the pancreas, too.
COHORT = {
    "A": (labels(CLOSE), labels(LESION)),
    "B": (labels(ELSEWHERE), labels(LESION)),
    "C": (labels(ELSEWHERE), labels(empty())),
    "D": (labels(empty(), empty()), labels(empty(), empty())),
}
PROBLEM = Problem("E", "It has <no> reference.")


def evaluate(folder: Path, options: EvaluationOptions | None = None) -> Evaluation:
    options = options or EvaluationOptions(n_samples=200)
    for name, (predicted, wanted) in COHORT.items():
        write_labels(folder / "predictions", name, predicted)
        write_labels(folder / "references", name, wanted)
    cohort = find_cases(folder / "predictions", folder / "references")
    scores = [score for case in cohort.cases for score in score_case(case, options).scores]
    return evaluate_scores(scores, [PROBLEM], options)
