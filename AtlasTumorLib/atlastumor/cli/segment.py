"""`atlastumor segment`: one scan in, organs, tumors and a report out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..organs import find_organ
from ..progress import part_of
from .console import Console
from .segmenting import add_segmentation, read_settings

if TYPE_CHECKING:
    from ..inference.result import Segmentation

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run", "summarize"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("segment", help="outline organs and tumors on a CT")
    parser.add_argument("input", type=Path, help="NIfTI, NRRD or MHA file, DICOM folder or zip")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    add_segmentation(parser)
    parser.add_argument("--series", help="DICOM series UID, where there are several")
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Segment the scan and write the folder.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If anything about input, model, device or output cannot be used; nothing
            is then written.
    """
    settings = read_settings(options)
    from ..cohorts.scan import (  # noqa: PLC0415 - pulls in scipy
        check_formats,
        open_segmenter,
        segment_scan,
        write_scan,
    )
    from ..results import check_output  # noqa: PLC0415 - pulls in nibabel, pillow

    check_output(options.output, inputs=[options.input])
    from ..scans import read_scan  # noqa: PLC0415 - pulls in readers

    scan = read_scan(
        options.input, series=options.series, progress=part_of(console.progress, 0.0, 0.08)
    )
    check_formats(settings, scan)
    segmenter = open_segmenter(settings, options.device)
    if segmenter.device.note:
        console.note(segmenter.device.note)
    segmentation = segment_scan(segmenter, scan, settings, part_of(console.progress, 0.08, 0.9))
    files = write_scan(
        segmentation, scan, options.output, settings, part_of(console.progress, 0.9, 1.0)
    )
    summarize(segmentation, console)
    console.result(options.output, files)


def summarize(segmentation: Segmentation, console: Console) -> None:
    """Say what was found, an organ a line.

    Args:
        segmentation: The result.
        console: Where to say it.
    """
    for finding in segmentation.findings:
        console.say(f"{find_organ(finding.organ).name + ':':<11}{finding.message}")
