"""`atlastumor synthesize-cohort`: healthy scans into a training set of synthetic tumors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .arguments import add_method, add_models, add_organs, parse_count
from .console import Console
from .synthesize import suit_shape

if TYPE_CHECKING:
    from ..batch.growing import CohortSettings, Recipe
    from ..batch.synthesis import Acceptance, SyntheticCohort

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser(
        "synthesize-cohort", help="grow synthetic tumors in a folder of healthy CTs"
    )
    parser.add_argument("healthy", type=Path, help="folder of CASE.nii.gz or CASE/ct.nii.gz")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder; one begun before is gone on with"
    )
    _add_tumors(parser.add_argument_group("tumors"))
    critic = parser.add_argument_group("critic, which also finds organs that nothing outlines")
    add_models(critic, purpose="such as `atlastumor models list` shows")
    critic.add_argument(
        "--min-quality", type=float, default=0.7, metavar="X", help="share to find again (0.7)"
    )
    critic.add_argument(
        "--tries", type=parse_count(1), default=10, metavar="N", help="per tumor (10)"
    )
    parser.add_argument(
        "--dataset-id", type=parse_count(1), default=900, metavar="N", help="for nnU-Net (900)"
    )
    return parser


def _add_tumors(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--per-scan", type=parse_count(1), default=3, metavar="N", help="tumors in each scan (3)"
    )
    group.add_argument(
        "--mix",
        type=_parse_mix,
        default=(4.0, 2.0, 1.0),
        metavar="S:M:L",
        help="shares of small, medium and large (4:2:1)",
    )
    add_organs(group, default="all that the method knows")
    add_method(group)


def run(options: argparse.Namespace, console: Console) -> None:
    """Grow, judge and write the tumors of every case that is not finished.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If no case can be used, or options or output cannot.
    """
    from ..batch.healthy import find_healthy  # noqa: PLC0415 - pulls in scipy
    from ..batch.synthesis import make_cohort  # noqa: PLC0415

    settings = _make_settings(options)
    cases, problems = find_healthy(options.healthy)
    recipe = _make_recipe(settings, options, console)
    cohort = make_cohort(
        cases,
        options.output,
        recipe,
        dataset_id=options.dataset_id,
        problems=problems,
        progress=console.progress,
    )
    _report(cohort, recipe, console)
    told = [{"case": problem.case, "message": problem.message} for problem in cohort.problems]
    console.result(cohort.directory, cohort.files, problems=told)


def _make_settings(options: argparse.Namespace) -> CohortSettings:
    """Check what is asked for before anything is read."""
    from ..batch.growing import CohortSettings  # noqa: PLC0415 - pulls in scipy
    from ..batch.nnunet import name_dataset  # noqa: PLC0415
    from ..synthesis.methods import find_method  # noqa: PLC0415

    name_dataset(options.dataset_id)
    method = find_method(options.method).name
    return CohortSettings(
        organs=_choose_organs(options.organs, method),
        per_scan=options.per_scan,
        mix=options.mix,
        min_quality=options.min_quality,
        method=method,
        shape=suit_shape(method),
        seed=options.seed,
        tries=options.tries,
    )


def _choose_organs(asked: list[str] | None, method: str) -> list[str] | None:
    """Keys of the organs that were asked for, or of those that the method knows; None for all.

    A method that was trained by others knows few: a case in which it met another would be lost.
    """
    from ..synthesis.base import list_organs  # noqa: PLC0415 - pulls in scipy

    known = list(list_organs(method))
    unknown = [key for key in asked or () if key not in known]
    if known and unknown:
        msg = (
            f"The method '{method}' does not know: {', '.join(unknown)}. Name some of these with "
            f"--organs, {', '.join(known)}, or choose another method."
        )
        raise InputError(msg)
    return asked or known or None


def _make_recipe(settings: CohortSettings, options: argparse.Namespace, console: Console) -> Recipe:
    """Load method and critic."""
    from ..batch.growing import Recipe  # noqa: PLC0415 - pulls in scipy
    from ..inference.recipes import make_segmenter  # noqa: PLC0415 - pulls in torch
    from ..synthesis.methods import find_method  # noqa: PLC0415

    method = find_method(settings.method, models_dir=options.models_dir)
    critic = make_segmenter(options.model, models_dir=options.models_dir)
    if critic.device.note:
        console.note(critic.device.note)
    card = critic.card
    critic_id = {"model": card.id, "weights_sha256": card.weights.sha256}
    return Recipe(settings, method, critic, critic_id)


def _report(cohort: SyntheticCohort, recipe: Recipe, console: Console) -> None:
    """Say what was kept, and what is wrong with which case."""
    from ..batch.cases import list_some  # noqa: PLC0415 - pulls in scipy

    for problem in cohort.problems:
        console.note(f"{problem.case}: {problem.message}")
    if cohort.changed:
        n, named = len(cohort.changed), list_some(cohort.changed)
        console.note(
            f"Finished cases made again, as their scans have changed since: {n} ({named})."
        )
    wanted = recipe.settings.per_scan
    for record in cohort.cases:
        kept = len(record["tumors"])
        if kept < wanted:
            console.note(f"{record['case']}: It has {kept} of {wanted} tumors; no more were kept.")
    console.table([_make_row(one) for one in cohort.acceptance])
    n = sum(one.kept for one in cohort.acceptance)
    console.say(f"{n} synthetic tumors in {len(cohort.cases)} scans.")


def _make_row(one: Acceptance) -> dict[str, Any]:
    return {
        "organ": one.organ,
        "method": one.method,
        "kept": one.kept,
        "rejected": one.rejected,
        "not_found": one.not_found,
        "not_plausible": one.not_plausible,
        "found_before": one.found_before,
        "no_room": one.no_room,
        "acceptance": "n/a" if one.rate is None else f"{one.rate:.0%}",
    }


def _parse_mix(text: str) -> tuple[float, ...]:
    try:
        small, medium, large = (float(word) for word in text.split(":"))
    except ValueError as error:
        msg = f"'{text}' is not S:M:L, such as 4:2:1"
        raise argparse.ArgumentTypeError(msg) from error
    return small, medium, large
