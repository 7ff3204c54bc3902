"""`atlastumor evaluate`: predictions of a cohort against its references."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from ..progress import Progress, part_of
from .arguments import add_cohort, add_computation, add_matching, parse_threshold
from .console import Console
from .problems import tell_problems

if TYPE_CHECKING:
    from ..batch.cohort import Case, Cohort
    from ..batch.evaluate import Evaluation, OrganResult
    from ..batch.scoring import CaseScores, EvaluationOptions

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_BYTES_PER_CASE = 1_500_000_000
"""Of the largest usual scan: a mask as float32, both label maps, three masks."""

_STAGE = "Measuring cases"


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("evaluate", help="measure predictions against references")
    add_cohort(parser, predictions="folder of CASE/labels.nii.gz and the like")
    parser.add_argument(
        "--threshold",
        type=parse_threshold,
        action="append",
        default=[],
        metavar="ORGAN=P",
        help="take the probability map, and call it tumor from P on; may be repeated",
    )
    definitions = parser.add_argument_group("definitions, printed beside every number")
    definitions.add_argument(
        "--tolerance-mm", type=float, default=2.0, metavar="MM", help="of the surface Dice (2)"
    )
    add_matching(definitions)
    add_computation(parser)
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Measure every case, sum up each organ, write tables and report.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If no case can be used, or options or output cannot; nothing is then
            written.
    """
    from ..batch.cohort import find_cases  # noqa: PLC0415 - pulls in scipy
    from ..batch.evaluate import evaluate_scores  # noqa: PLC0415
    from ..batch.scoring import EvaluationOptions  # noqa: PLC0415
    from ..batch.write import write_evaluation  # noqa: PLC0415
    from ..results import check_output  # noqa: PLC0415

    settings = EvaluationOptions(
        tolerance_mm=options.tolerance_mm,
        rule=options.hit,
        min_volume_mm3=options.min_volume_mm3,
        thresholds=dict(options.threshold),
        n_samples=options.bootstrap,
        seed=options.seed,
    )
    check_output(options.output, inputs=[options.predictions, options.references])
    cohort = find_cases(options.predictions, options.references, organs=options.organs)
    progress = part_of(console.progress, 0.0, 0.95)
    outcomes = _score(cohort, settings, options.workers, progress)
    problems = [*cohort.problems, *(one for outcome in outcomes for one in outcome.problems)]
    problems.sort(key=lambda problem: problem.case)
    scores = [score for outcome in outcomes for score in outcome.scores]
    tell_problems(problems, console, is_any_usable=bool(scores))
    console.progress(0.95, "Resampling cases")
    evaluation = evaluate_scores(scores, problems, settings)
    console.progress(0.98, "Writing results")
    files = write_evaluation(evaluation, options.output)
    console.progress(1.0, "Writing results")
    _report(evaluation, console)
    told = [{"case": problem.case, "message": problem.message} for problem in problems]
    console.result(options.output, files, problems=told)


def _score(
    cohort: Cohort, settings: EvaluationOptions, n_workers: int | None, progress: Progress
) -> list[CaseScores]:
    """Measure the cases, in this process or in several; the outcomes are in order."""
    from ..batch.scoring import score_case  # noqa: PLC0415
    from .workers import choose_worker_count, run_in_workers  # noqa: PLC0415

    cases = cohort.cases
    measure = partial(score_case, options=settings)
    n = min(n_workers or choose_worker_count(len(cases), _BYTES_PER_CASE), len(cases))
    numbered = enumerate(map(measure, cases)) if n == 1 else run_in_workers(measure, cases, n)
    outcomes: dict[int, CaseScores] = {}
    progress(0.0, _STAGE)
    for number, outcome in numbered:
        outcomes[number] = outcome or _lost(cases[number])
        progress(len(outcomes) / len(cases), _STAGE)
    return [outcomes[number] for number in range(len(cases))]


def _lost(case: Case) -> CaseScores:
    from ..batch.cases import Problem  # noqa: PLC0415
    from ..batch.scoring import CaseScores  # noqa: PLC0415

    message = (
        "The process that read it died, most likely for want of memory. Close other programs or "
        "crop the case."
    )
    return CaseScores((), (Problem(case.name, message),))


def _report(evaluation: Evaluation, console: Console) -> None:
    """Say the main numbers, an organ a line, and the rules under them."""
    from ..batch.definitions import define  # noqa: PLC0415

    console.table([_make_row(result) for result in evaluation.organs])
    meaning = define(evaluation.options)
    for key in ("hit", "components", "nsd", "interval"):
        console.say(meaning[key])


def _make_row(result: OrganResult) -> dict[str, Any]:
    means = result.means
    return {
        "organ": result.organ,
        "scans": result.n_scans,
        "tumor_sensitivity": result.tumor.text,
        "specificity": result.patients.specificity.text,
        "FP_per_scan": f"{result.fp_per_scan.value:.3g}",
        "DSC": f"{means['dsc'].value:.3f}" if means["dsc"].n else "n/a",
        "NSD": f"{means['nsd'].value:.3f}" if means["nsd"].n else "n/a",
    }
