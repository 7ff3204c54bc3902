"""The folder that `atlastumor froc` writes: curves, figures, operating points, and their record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .. import __version__
from ..detection.case_sweep import SweepOptions
from ..detection.operating_point import save_operating_points
from ..detection.rules import HitRule
from ..detection.summary import OrganSummary, SummaryOptions, describe_rule
from ..provenance import creation_time, to_plain
from .froc_tables import (
    make_operating_points,
    write_curves,
    write_false_sizes,
    write_froc_manifest,
    write_record,
)
from .staging import MANIFEST
from .tables import NOTICE

__all__ = ["FrocSettings", "ProblemLike", "write_froc"]


class ProblemLike(Protocol):
    """Why a case does not count."""

    @property
    def case(self) -> str:
        """Its name."""

    @property
    def message(self) -> str:
        """What is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class FrocSettings:
    """What the numbers of a cohort mean.

    Args:
        rule: When a lesion counts as found.
        sweeping: Floor and least volume.
        judging: Target, false positives, resampling.
        data_set: Name of the cohort.
        model_id: Whose predictions they are; empty if unknown.
        weights_sha256: Of its weights, hex; empty if unknown.
        notes: What the user should know, one sentence each.
    """

    rule: HitRule
    sweeping: SweepOptions
    judging: SummaryOptions
    data_set: str
    model_id: str = ""
    weights_sha256: str = ""
    notes: tuple[str, ...] = ()


def write_froc(
    folder: Path,
    settings: FrocSettings,
    summaries: Sequence[OrganSummary],
    problems: Iterable[ProblemLike],
    *,
    figures: bool = True,
) -> list[str]:
    """Write everything but the sweeps, which are there already.

    Args:
        folder: Where to; holds nothing but `sweeps`.
        settings: What the numbers mean.
        summaries: One per organ.
        problems: Of the cases that do not count.
        figures: Whether to draw the curves.

    Returns:
        Names of all files, relative to the folder, the manifest last.
    """
    write_curves(folder / "froc.csv", summaries)
    write_false_sizes(folder / "false-positives.csv", summaries)
    points = make_operating_points(
        summaries,
        model_id=settings.model_id,
        weights_sha256=settings.weights_sha256,
        data_set=settings.data_set,
        min_volume_mm3=settings.sweeping.min_volume_mm3,
        floor=settings.sweeping.floor,
    )
    save_operating_points(folder / "operating-points.json", points)
    if figures:
        _draw(folder, summaries, settings.data_set)
    write_record(folder / "report.json", _describe(settings, summaries, problems))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    write_froc_manifest(folder, files)
    return [*(path.relative_to(folder).as_posix() for path in files), MANIFEST]


def _draw(folder: Path, summaries: Iterable[OrganSummary], data_set: str) -> None:
    """Draw the curves of those organs that have one."""
    from .froc_figure import write_figure  # noqa: PLC0415 - matplotlib

    for summary in summaries:
        if summary.curve.n_lesions and summary.curve.thresholds.size:
            write_figure(folder / f"froc-{summary.curve.organ}", summary, data_set)


def _describe(
    settings: FrocSettings, summaries: Iterable[OrganSummary], problems: Iterable[ProblemLike]
) -> dict[str, Any]:
    """The whole record: definitions first, as no number means anything without them."""
    record: dict[str, Any] = to_plain(
        {
            "schema": "atlastumor-froc/1",
            "notice": NOTICE,
            "created": creation_time(),
            "software": f"AtlasTumor {__version__}",
            "data_set": settings.data_set,
            "model_id": settings.model_id,
            "weights_sha256": settings.weights_sha256,
            "notes": settings.notes,
            "definitions": {
                "hit_rule": describe_rule(settings.rule),
                "false_positives": "strict" if settings.judging.strict else "lenient",
                "min_volume_mm3": settings.sweeping.min_volume_mm3,
                "floor": settings.sweeping.floor,
                "connectivity": 26,
                "candidates": "p >= threshold",
                "target_sensitivity": settings.judging.target,
            },
            "problems": [{"case": one.case, "message": one.message} for one in problems],
            "organs": {summary.curve.organ: summary.to_dict() for summary in summaries},
        }
    )
    return record
