"""`atlastumor froc`: FROC curves of a cohort, and the thresholds that follow from them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DependencyError
from ..organs import select_organs
from ..progress import part_of
from .arguments import add_cohort, add_computation, add_matching, parse_count, parse_folder
from .console import Console
from .problems import tell_problems

if TYPE_CHECKING:
    from ..batch.cohort import Cohort, Problem
    from ..detection.case_sweep import CaseSweep
    from ..detection.rules import HitRule
    from ..detection.summary import OrganSummary
    from ..results.froc_folder import FrocSettings

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_BYTES_PER_CASE = 1_500_000_000
"""Of the largest usual scan: its map as float32, twice more of it for the sweep, the reference."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("froc", help="choose thresholds from FROC curves of a cohort")
    add_cohort(parser, predictions="folder of CASE/probabilities/*.nii.gz")
    parser.add_argument("--model", help="id of the model, where the predictions do not say")
    parser.add_argument("--models-dir", type=parse_folder, help="folder with further model cards")
    parser.add_argument("--no-figures", action="store_true", help="leave out the pictures")
    parser.add_argument("--data-set", metavar="NAME", help="of the cohort (the references' folder)")
    _add_definitions(parser)
    add_computation(parser).add_argument(
        "--folds", type=parse_count(0), default=5, metavar="K", help="held-out check (5)"
    )
    return parser


def _add_definitions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("definitions, printed beside every number")
    group.add_argument(
        "--target-sensitivity", type=_share, default=0.9, metavar="S", help="to reach (0.9)"
    )
    add_matching(group)
    group.add_argument(
        "--floor", type=float, default=0.01, metavar="P", help="lowest threshold (0.01)"
    )
    group.add_argument(
        "--strict", action="store_true", help="touching a lesion without a hit is false, too"
    )


def run(options: argparse.Namespace, console: Console) -> None:
    """Sweep the cohort, judge each organ, write curves, figures and operating points.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If no case can be used, or options, model or output cannot; nothing is then
            written.
    """
    from ..batch.cohort import find_cases  # noqa: PLC0415 - pulls in scipy
    from ..detection.summary import summarize  # noqa: PLC0415
    from ..results import check_output  # noqa: PLC0415
    from ..results.folder import result_folder  # noqa: PLC0415
    from ..results.froc_folder import write_froc  # noqa: PLC0415

    if not options.no_figures:
        _require_matplotlib()
    cohort = find_cases(options.predictions, options.references, organs=options.organs)
    settings = _settle(cohort, options, console)
    directory = check_output(options.output, inputs=[options.predictions, options.references])
    with result_folder(directory) as folder:
        sweeps, problems = _sweep(cohort, folder, settings, options, console)
        console.progress(0.9, "Resampling cases")
        summaries = [
            summarize(of_organ, settings.rule, options=settings.judging)
            for of_organ in _by_organ(sweeps)
        ]
        console.progress(0.97, "Writing results")
        figures = not options.no_figures
        names = write_froc(folder, settings, summaries, problems, figures=figures)
    console.progress(1.0, "Done")
    _report(summaries, settings.rule, console)
    console.result(
        directory,
        [directory / name for name in names if not name.startswith("sweeps/")],
        sweeps=str(directory / "sweeps"),
        problems=[{"case": one.case, "message": one.message} for one in problems],
    )


def _require_matplotlib() -> None:
    """Say what is missing now, and not after the hours that sweeping may take."""
    try:
        from ..results import froc_figure  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        msg = (
            f"The package '{error.name}' is missing, which draws the figures. Install it with: pip "
            f"install {error.name}; or leave the figures out with --no-figures."
        )
        raise DependencyError(msg) from error


def _settle(cohort: Cohort, options: argparse.Namespace, console: Console) -> FrocSettings:
    """Check the options, and whose predictions these are."""
    from ..detection.case_sweep import SweepOptions  # noqa: PLC0415 - numpy
    from ..detection.summary import SummaryOptions  # noqa: PLC0415
    from ..results.froc_folder import FrocSettings  # noqa: PLC0415
    from .froc_model import identify_model  # noqa: PLC0415

    model_dirs = [options.models_dir] if options.models_dir else []
    model = identify_model(cohort.cases, options.model, model_dirs)
    if model.note:
        console.note(model.note)
    return FrocSettings(
        rule=options.hit,
        sweeping=SweepOptions(floor=options.floor, min_volume_mm3=options.min_volume_mm3),
        judging=SummaryOptions(
            target=options.target_sensitivity,
            strict=options.strict,
            n_samples=options.bootstrap,
            folds=options.folds,
            seed=options.seed,
        ),
        data_set=options.data_set or options.references.resolve().name,
        model_id=model.model_id,
        weights_sha256=model.weights_sha256,
        notes=(model.note,) if model.note else (),
    )


def _sweep(
    cohort: Cohort,
    folder: Path,
    settings: FrocSettings,
    options: argparse.Namespace,
    console: Console,
) -> tuple[list[CaseSweep], list[Problem]]:
    """Sweep all cases; say what is wrong with those that cannot be used."""
    from .froc_sweeps import SweepTask, sweep_cases  # noqa: PLC0415
    from .workers import choose_worker_count  # noqa: PLC0415

    (folder / "sweeps").mkdir()
    tasks = [SweepTask(case, settings.sweeping, folder / "sweeps") for case in cohort.cases]
    n_workers = min(options.workers or choose_worker_count(len(tasks), _BYTES_PER_CASE), len(tasks))
    outcomes = sweep_cases(tasks, n_workers=n_workers, progress=part_of(console.progress, 0.0, 0.9))
    sweeps = [sweep for outcome in outcomes for sweep in outcome.sweeps]
    problems = [*cohort.problems, *(one for outcome in outcomes for one in outcome.problems)]
    problems.sort(key=lambda problem: problem.case)
    tell_problems(problems, console, is_any_usable=bool(sweeps))
    return sweeps, problems


def _by_organ(sweeps: Sequence[CaseSweep]) -> list[list[CaseSweep]]:
    """Sweeps of each organ, in table order."""
    organs = select_organs({sweep.organ for sweep in sweeps})
    return [[sweep for sweep in sweeps if sweep.organ == organ.key] for organ in organs]


def _report(summaries: Sequence[OrganSummary], rule: HitRule, console: Console) -> None:
    """Say what was found, an organ a line."""
    console.table([_row(summary) for summary in summaries])
    for summary in summaries:
        organ = summary.curve.organ
        if summary.choice.point is None:
            console.note(f"{organ}: {summary.choice.reason}")
        elif summary.curve.is_binary:
            console.note(f"{organ}: The predictions are label maps; there is nothing to choose.")
    console.say(rule.text)


def _row(summary: OrganSummary) -> dict[str, Any]:
    curve, choice, held_out = summary.curve, summary.choice, summary.held_out
    row: dict[str, Any] = {"organ": curve.organ, "scans": curve.n_scans, "lesions": curve.n_lesions}
    point = choice.chosen_or_best
    row["threshold"] = "none" if choice.point is None else f"{choice.point.threshold:.4g}"
    row["sensitivity"] = row["FP_per_scan"] = row["held_out"] = "n/a"
    if point is not None:
        ends = summary.sensitivity_interval(point)
        row["sensitivity"] = f"{point.sensitivity:.1%}{_span(ends, '{:.1%}')}"
        row["FP_per_scan"] = f"{point.fp_per_scan:.3g}{_span(summary.fp_interval(point), '{:.3g}')}"
    if held_out is not None and held_out.n_reached:
        row["held_out"] = f"{held_out.sensitivity:.1%}"
    return row


def _span(ends: tuple[float, float] | None, form: str) -> str:
    return "" if ends is None else f" ({form.format(ends[0])} to {form.format(ends[1])})"


def _share(text: str) -> float:
    """A sensitivity above 0 and up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 1.0:
        msg = f"'{text}' is no share above 0 and up to 1, such as 0.9"
        raise argparse.ArgumentTypeError(msg)
    return value
