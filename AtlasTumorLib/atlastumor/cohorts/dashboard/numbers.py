"""What a cohort comes to: counts, sizes and times, gathered in one pass over its cases."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...detection.false_sizes import RADIUS_EDGES_MM
from ...organs import KEYS
from ..outcome import STAGES
from ..records import CaseRecord
from ..rows import State
from ..tables import find_radius
from .reasons import Reasons

__all__ = ["LargestFinding", "Numbers", "find_size_class", "gather"]

_MOST_SHOWN = 9
_LOWER_EDGES_MM = (5.0, 10.0)  # belong to the class below them, see `detection.size_bins`


@dataclass(frozen=True, order=True)
class LargestFinding:
    """The largest lesion of a case.

    Args:
        volume_ml: Its volume, mL.
        case: Id of the case.
        organ: The organ's key.
        diameter_mm: Its longest diameter, mm.
    """

    volume_ml: float
    case: str
    organ: str
    diameter_mm: float


@dataclass
class Numbers:
    """What a cohort comes to.

    Args:
        states: Number of cases by state.
        in_view: By organ, number of cases in which any of it is in view.
        with_tumor: By organ, number of these with a lesion.
        n_with_any: Number of cases with a lesion.
        sizes: By organ, number of lesions by class of `RADIUS_EDGES_MM`.
        largest: The largest lesions of different cases, largest first.
        reasons: Why cases failed, alike ones together.
        seconds: By stage, of each case that is done.
        host_bytes: Peak memory of each case that is done.
        device_bytes: The same of the device.
        started: Of each case that is done, seconds since 1970.
        ended: The same.
        n_unreadable: Number of cases that are done and whose result cannot be read.
        models: Number of cases by model.
    """

    states: Counter[State] = field(default_factory=Counter)
    in_view: Counter[str] = field(default_factory=Counter)
    with_tumor: Counter[str] = field(default_factory=Counter)
    n_with_any: int = 0
    sizes: dict[str, Counter[int]] = field(default_factory=lambda: {key: Counter() for key in KEYS})
    largest: list[LargestFinding] = field(default_factory=list)
    reasons: Reasons = field(default_factory=Reasons)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {one: [] for one in STAGES})
    host_bytes: list[int] = field(default_factory=list)
    device_bytes: list[int] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    n_unreadable: int = 0
    models: Counter[str] = field(default_factory=Counter)

    @property
    def n_cases(self) -> int:
        """Number of all cases."""
        return self.states.total()

    @property
    def n_lesions(self) -> int:
        """Number of all lesions."""
        return sum(sizes.total() for sizes in self.sizes.values())


def find_size_class(radius_mm: float) -> int:
    """Find the class of a lesion's radius, from 0 on; borders fall as in the size classes."""
    find = bisect_left if radius_mm in _LOWER_EDGES_MM else bisect_right
    return find(RADIUS_EDGES_MM, radius_mm)


def gather(records: Iterable[CaseRecord]) -> Numbers:
    """Gather the numbers of a cohort.

    Args:
        records: Its cases, read once.

    Returns:
        The numbers; memory grows with a few numbers per case alone.
    """
    numbers = Numbers()
    for record in records:
        row = record.row
        numbers.states[row.state] += 1
        if row.state is State.QUARANTINED:
            numbers.reasons.add(row.case.id, row.kind, row.reason)
        if row.state is State.DONE:
            _add_run(numbers, record)
            _add_findings(numbers, record)
    numbers.largest.sort(reverse=True)
    return numbers


def _add_run(numbers: Numbers, record: CaseRecord) -> None:
    outcome, row = record.row.outcome, record.row
    if outcome is not None:
        for stage in STAGES:
            numbers.seconds[stage].append(float(outcome.seconds.get(stage, 0.0)))
        numbers.host_bytes += [outcome.peak_host_bytes] if outcome.peak_host_bytes else []
        numbers.device_bytes += [outcome.peak_device_bytes] if outcome.peak_device_bytes else []
    if row.started is not None and row.ended is not None:
        numbers.started.append(row.started)
        numbers.ended.append(row.ended)


def _add_findings(numbers: Numbers, record: CaseRecord) -> None:
    if not record.is_readable:
        numbers.n_unreadable += 1
        return
    numbers.models[str(record.provenance.get("model_id", ""))] += 1
    for finding in record.findings:
        if finding.get("coverage") != "none":
            numbers.in_view[finding["organ"]] += 1
            numbers.with_tumor[finding["organ"]] += bool(finding.get("n_lesions"))
    numbers.n_with_any += bool(record.lesions)
    for lesion in record.lesions:
        radius = find_radius(_volume(lesion))
        numbers.sizes[lesion["organ"]][find_size_class(radius)] += 1
    if record.lesions:
        _add_largest(numbers, record.row.case.id, max(record.lesions, key=_volume))


def _volume(lesion: Mapping[str, Any]) -> float:
    return float(lesion.get("volume_ml") or 0.0)


def _add_largest(numbers: Numbers, case: str, lesion: Mapping[str, Any]) -> None:
    diameter = float(lesion.get("diameter_mm") or 0.0)
    one = LargestFinding(_volume(lesion), case, lesion["organ"], diameter)
    keep = heapq.heappushpop if len(numbers.largest) >= _MOST_SHOWN else heapq.heappush
    keep(numbers.largest, one)
