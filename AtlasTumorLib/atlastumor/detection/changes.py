"""Where the counts of a cohort change as the threshold falls, and nothing in between.

A sweep has a row for every distinct value of a map; found lesions and false positives change at few
of them. These changes, pooled over cases, hold the whole FROC curve exactly and stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .case_sweep import CaseSweep
    from .reference import ReferenceLesion
    from .rules import HitRule

__all__ = ["Changes", "find_changes"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes of a cohort's counts; E of them, in C cases, in no order.

    A change at threshold t holds for candidates p >= theta at every theta <= t.

    Args:
        case: Which case it is, (E,).
        thresholds: (E,) float32.
        found: By how many the found lesions change, (E,); may be negative.
        false: The same for false positives that touch no lesion.
        strict: The same for components that do not hit a lesion.
        n_lesions: Lesions of each case, (C,).
        is_clear: Whether a case has no tumor at all, (C,).
    """

    case: Ints
    thresholds: npt.NDArray[np.float32]
    found: Ints
    false: Ints
    strict: Ints
    n_lesions: Ints
    is_clear: npt.NDArray[np.bool_]

    @property
    def n_cases(self) -> int:
        """Number of cases, those without any change too."""
        return self.n_lesions.size

    def only(self, cases: npt.NDArray[np.bool_]) -> Changes:
        """Leave cases out.

        Args:
            cases: Which to keep, (C,).

        Returns:
            The changes of these, renumbered.
        """
        kept = cases[self.case]
        number = np.cumsum(cases) - 1
        return Changes(
            number[self.case[kept]],
            self.thresholds[kept],
            self.found[kept],
            self.false[kept],
            self.strict[kept],
            self.n_lesions[cases],
            self.is_clear[cases],
        )

    def find_rows(self, thresholds: npt.NDArray[np.float32]) -> Ints:
        """Find the first threshold, of some that fall, at which each change is felt.

        Args:
            thresholds: (K,), strictly falling.

        Returns:
            Row of each change, (E,); K where it lies below all of them.
        """
        return np.searchsorted(-thresholds, -self.thresholds, side="left").astype(np.int64)

    def tabulate(
        self, deltas: Ints, thresholds: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Count per case at some thresholds.

        Args:
            deltas: One of `found`, `false`, `strict`, (E,).
            thresholds: (K,), strictly falling.

        Returns:
            The counts, (C, K); exact, as they are small whole numbers.
        """
        k = thresholds.size
        rows = self.find_rows(thresholds)
        felt = rows < k
        place = self.case[felt] * k + rows[felt]
        table = np.bincount(place, weights=deltas[felt], minlength=self.n_cases * k)
        return np.cumsum(table.reshape(self.n_cases, k), axis=1).astype(np.float32)


def find_changes(
    sweeps: Sequence[CaseSweep],
    rule: HitRule,
    *,
    counts: Callable[[ReferenceLesion], bool] | None = None,
) -> Changes:
    """Reduce sweeps to their changes under a hit rule.

    Args:
        sweeps: One per case, of one organ.
        rule: When a lesion counts as found.
        counts: Which lesions are counted; None counts all. False positives do not depend on it.

    Returns:
        The changes.

    Raises:
        ValueError: If there are no sweeps.
    """
    if not sweeps:
        msg = "A cohort has at least one case."
        raise ValueError(msg)
    chosen = [_chosen(sweep, counts) for sweep in sweeps]
    parts = [_case_changes(sweep, rule, mask) for sweep, mask in zip(sweeps, chosen, strict=True)]
    thresholds, found, false, strict = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Changes(
        np.repeat(np.arange(len(parts)), [part[0].size for part in parts]),
        thresholds,
        found,
        false,
        strict,
        np.array([np.count_nonzero(mask) for mask in chosen], np.int64),
        np.array([sweep.is_clear for sweep in sweeps], bool),
    )


def _chosen(
    sweep: CaseSweep, counts: Callable[[ReferenceLesion], bool] | None
) -> npt.NDArray[np.bool_]:
    """Which of a case's lesions count, (L,)."""
    return np.array([counts is None or counts(lesion) for lesion in sweep.lesions], bool)


def _case_changes(
    sweep: CaseSweep, rule: HitRule, chosen: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float32], Ints, Ints, Ints]:
    """Thresholds, and changes of found, false and strict there; rows without change dropped."""
    found = np.count_nonzero(sweep.hits(rule)[:, chosen], axis=1)
    totals = np.stack([found, sweep.n_false, sweep.n_strict(rule)]).astype(np.int64)
    deltas = np.diff(totals, axis=1, prepend=0)
    changed = deltas.any(axis=0)
    return sweep.thresholds[changed], *deltas[:, changed]
