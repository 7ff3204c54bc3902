"""How scans are segmented, as words of the command line: for one scan and for many alike."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..inference.choices import BACKEND_NAMES, PRECISIONS
from ..models.card import DEFAULT_MODEL
from .arguments import parse_folder, parse_threshold

if TYPE_CHECKING:
    from ..cohorts.settings import BatchSettings

__all__ = ["add_segmentation", "read_settings"]

_FORMATS = ("nifti", "seg.nrrd", "dicom-seg", "dicom-sr", "dicom-sc")


def add_segmentation(parser: argparse.ArgumentParser) -> None:
    """Declare what decides about a result, and the device.

    Args:
        parser: Of a subcommand that segments.
    """
    parser.add_argument(
        "--organs",
        type=_words,
        action="extend",
        metavar="ORGAN,...",
        help="such as liver,kidney (all)",
    )
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, help="model or recipe; see `atlastumor models list`"
    )
    parser.add_argument("--models-dir", type=parse_folder, help="folder with further model cards")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--backend", default="auto", choices=("auto", *BACKEND_NAMES))
    parser.add_argument(
        "--precision",
        default="auto",
        choices=("auto", *PRECISIONS),
        help="auto suits processor and model; int8 is faster on CPUs and not exact",
    )
    parser.add_argument(
        "--threshold",
        type=partial(parse_threshold, allows_zero=True),
        action="append",
        default=[],
        metavar="ORGAN=P",
        help="call it tumor from this probability on; may be repeated",
    )
    parser.add_argument(
        "--operating-point",
        type=Path,
        metavar="FILE",
        help="thresholds that `atlastumor froc` chose for this model; --threshold comes first",
    )
    parser.add_argument("--mirror", action="store_true", help="average over mirrored passes")
    _add_outputs(parser)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    """Declare what is written."""
    parser.add_argument("--probabilities", action="store_true", help="write probability maps too")
    parser.add_argument(
        "--disagreement",
        action="store_true",
        help="write maps of where the networks of an ensemble, or the models of a recipe, disagree",
    )
    parser.add_argument(
        "--format", type=_formats, action="extend", metavar="FORMAT,...", help=", ".join(_FORMATS)
    )
    parser.add_argument(
        "--deidentify",
        type=Path,
        metavar="KEYFILE",
        help="take the patient out of the DICOM results; see `atlastumor dicom deidentify`",
    )
    parser.add_argument("--no-report", action="store_true", help="leave out report and picture")


def read_settings(options: argparse.Namespace) -> BatchSettings:
    """Make settings of what `add_segmentation` declares.

    Args:
        options: As parsed.

    Returns:
        The settings.

    Raises:
        AtlasTumorError: If there is no such model or organ, or the operating point belongs to
            another model.
    """
    from ..cohorts.settings import make_settings  # noqa: PLC0415 - pulls in scipy

    return make_settings(
        organs=options.organs,
        thresholds=dict(options.threshold),
        operating_point=options.operating_point,
        model=options.model,
        models_dir=options.models_dir,
        mirror=options.mirror,
        probabilities=options.probabilities,
        disagreement=options.disagreement,
        formats=tuple(options.format or _FORMATS[:1]),
        report=not options.no_report,
        deidentify=options.deidentify,
        backend=options.backend,
        precision=options.precision,
    )


def _words(text: str, *, kind: str = "organ") -> list[str]:
    words = [word for word in text.split(",") if word.strip()]
    if not words:
        msg = f"name at least one {kind}"
        raise argparse.ArgumentTypeError(msg)
    return words


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(_words(text, kind="format"))
    unknown = [word for word in formats if word not in _FORMATS]
    if unknown:
        msg = f"no such format: {', '.join(unknown)}; choose from {', '.join(_FORMATS)}"
        raise argparse.ArgumentTypeError(msg)
    return formats
