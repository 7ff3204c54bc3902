"""`atlastumor train`: a model from one's own scans, with synthetic tumors among them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .console import Console

if TYPE_CHECKING:
    from ..batch.cases import Problem

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("train", help="train a model on your own scans")
    parser.add_argument("config", type=Path, help="JSON file; see the documentation on training")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--export-nnunet",
        type=Path,
        metavar="DIR",
        help="train nothing; write the cases as raw data for nnU-Net into this folder",
    )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Train, or write what nnU-Net trains on.

    Args:
        options: What `add_parser` declares.
        console: Where to speak.

    Raises:
        AtlasTumorError: If it cannot be done.
    """
    from ..cotraining.config import load_config  # noqa: PLC0415 - other commands do without

    config = load_config(options.config)
    if options.export_nnunet is not None:
        from ..cotraining.nnunet_export import export_cohort  # noqa: PLC0415

        exported = export_cohort(config, options.export_nnunet, progress=console.progress)
        _tell(exported.problems, console)
        console.result(exported.folder, [exported.description])
        return
    from ..cotraining.running import train_cohort  # noqa: PLC0415 - pulls in torch

    trained = train_cohort(config, device=options.device, progress=console.progress)
    if trained.files:  # else another process of this run speaks for all
        _tell(trained.problems, console)
        console.result(config.output, trained.files)


def _tell(problems: tuple[Problem, ...], console: Console) -> None:
    for problem in problems:
        console.note(f"Skipped {problem.case}: {problem.message}")
