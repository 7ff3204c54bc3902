"""Sweeps whose every count is written down, to compute with by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from atlastumor.detection.false_sizes import N_CLASSES
from atlastumor.detection.rules import find_hit_rule

RULE = find_hit_rule("union-iou")


@dataclass(frozen=True)
class MadeLesion:
    radius_mm: float = 8.0


@dataclass(frozen=True, eq=False)
class MadeSweep:
    """What the curve reads of a `CaseSweep`, with hits and strict counts given outright."""

    thresholds: np.ndarray
    hit_table: np.ndarray
    n_false: np.ndarray
    strict: np.ndarray
    n_components: np.ndarray
    lesions: tuple[MadeLesion, ...]
    organ: str = "liver"
    is_clear: bool = field(default=False)

    def hits(self, rule: object) -> np.ndarray:
        assert rule is RULE
        return self.hit_table

    def hits_at(self, theta: float, rule: object) -> np.ndarray:
        row = self.at(theta)
        return self.hits(rule)[row] if row >= 0 else np.zeros(len(self.lesions), bool)

    def n_strict(self, rule: object) -> np.ndarray:
        assert rule is RULE
        return self.strict

    def count_false_sizes(self, theta: float, rule: object, *, strict: bool = False) -> np.ndarray:
        """All of them are of the smallest size."""
        assert rule is RULE
        counts, row = np.zeros(N_CLASSES, np.int64), self.at(theta)
        counts[0] = (self.strict if strict else self.n_false)[row] if row >= 0 else 0
        return counts

    @property
    def score(self) -> float:
        return float(self.thresholds[self.n_components > 0].max(initial=0.0))

    def at(self, theta: float) -> int:
        return int(np.count_nonzero(self.thresholds >= np.float32(theta))) - 1


def a_sweep(
    *rows: tuple[float, str, int],
    radii: tuple[float, ...] = (),
    strict: tuple[int, ...] | None = None,
    is_clear: bool | None = None,
) -> MadeSweep:
    """Make a sweep from rows (threshold, hits such as "10", false positives).

    `strict` defaults to the false positives; components are these and one per hit.
    """
    thresholds = np.array([row[0] for row in rows], np.float32)
    n_lesions = len(rows[0][1]) if rows else len(radii)
    hits = np.array([[c == "1" for c in row[1]] for row in rows], bool)
    hits = hits.reshape(len(rows), n_lesions)
    n_false = np.array([row[2] for row in rows], np.int32)
    sizes = radii or (8.0,) * n_lesions
    return MadeSweep(
        thresholds,
        hits,
        n_false,
        n_false if strict is None else np.array(strict, np.int32),
        n_false + np.count_nonzero(hits, axis=1),
        tuple(MadeLesion(radius) for radius in sizes),
        is_clear=not n_lesions if is_clear is None else is_clear,
    )


def random_sweep(generator: np.random.Generator, n_rows: int, n_lesions: int) -> MadeSweep:
    """Make a sweep whose counts rise and fall at random."""
    steps = generator.choice(np.arange(1, 1000), n_rows, replace=False)
    rows = [
        (
            step / 1000,
            "".join(generator.choice(["0", "1"], n_lesions)),
            int(generator.integers(0, 6)),
        )
        for step in np.sort(steps)[::-1]
    ]
    radii = tuple(generator.uniform(2.0, 30.0, n_lesions))
    return a_sweep(*rows, radii=radii)
