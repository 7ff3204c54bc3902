"""The record of a recipe's run: every model that ran, for what, with which weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ..provenance import Provenance
from ..volume import Scan
from .errands import Errand, Plan
from .gathering import Gathering
from .streaming import RawResult

__all__ = ["RecipeLog"]


@dataclass(eq=False)
class RecipeLog:
    """What happened on the way.

    Args:
        rungs: Steps of the memory ladder, one sentence each.
        seconds: By stage, of all models.
        parts: A row for every model.
        windows_run: Windows that the networks saw.
        windows_skipped: Windows left out because they hold air alone.
    """

    rungs: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    windows_run: int = 0
    windows_skipped: int = 0

    def add(self, errand: Errand, raw: RawResult, steps: Iterable[str]) -> None:
        """Add the run of a model.

        Args:
            errand: What it had to do.
            raw: What it found.
            steps: Of the memory ladder that it took, one sentence each.
        """
        card = errand.card
        self.parts.append(
            {
                "model_id": card.id,
                "model_version": card.version,
                "weights_sha256": card.weights.sha256,
                "organs": [organ.key for organ in errand.plain],
                "outlines": [organ.key for organ in errand.outlined],
                "tumor_probabilities": list(errand.scored),
                "outline": errand.request.outline,
                "mirror": bool(errand.request.mirror_axes),
                "windows_run": raw.windows_run,
                "windows_skipped": raw.windows_skipped,
            }
        )
        self.rungs += [f"{card.id}: {step}" for step in steps]
        self.windows_run += raw.windows_run
        self.windows_skipped += raw.windows_skipped
        for stage, seconds in raw.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def complete(
        self,
        record: Provenance,
        scan: Scan,
        plan: Plan,
        gathered: Gathering,
        notes: tuple[str, ...],
    ) -> Provenance:
        """Write down who did what to which scan.

        Args:
            record: With what does not hang on the scan.
            scan: The scan.
            plan: What was asked for.
            gathered: What was found.
            notes: What the user should know beside what is known here.

        Returns:
            The whole record.
        """
        return replace(
            record,
            thresholds=plan.request.thresholds,
            mirror=any(errand.request.mirror_axes for errand in plan.errands),
            organs=tuple(organ.key for organ in plan.request.organs),
            input_kind=scan.source.kind,
            input_sha256=scan.source.sha256,
            grid_shape=scan.grid.shape,
            spacing_mm=scan.grid.spacing_mm,
            rungs=tuple(self.rungs),
            notes=(*scan.source.notes, *notes, *_list_notes(plan, gathered)),
            stage_seconds=self.seconds,
            windows_run=self.windows_run,
            windows_skipped=self.windows_skipped,
            disagreement=gathered.compared,
            parts=tuple(self.parts),
        )


def _list_notes(plan: Plan, gathered: Gathering) -> Iterator[str]:
    """What the user should know about who told about what."""
    still = [errand.card.id for errand in plan.errands if not errand.request.mirror_axes]
    if 0 < len(still) < len(plan.errands):
        yield f"Not trained for mirrored passes, and run without: {', '.join(still)}."
    alone = [key for key in gathered.maps if key not in gathered.spread]
    if gathered.spread and alone:
        yield f"No map of disagreement of {', '.join(alone)}: one network alone tells about it."
