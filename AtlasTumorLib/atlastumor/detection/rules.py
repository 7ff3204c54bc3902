"""When a reference lesion counts as found: the hit rules and the guard against degenerate ones.

A component is a 26-connected set of voxels with p >= threshold and of the least volume or more;
one that shares a voxel with a lesion touches it. Published evaluators differ in their rule, so
every number is printed with the sentence of the rule that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from ..errors import InputError, UnknownKeyError

__all__ = ["GUARD_LESIONS", "GUARD_ORGAN_TENTHS", "HIT_RULES", "HitRule", "find_hit_rule"]

RuleName = Literal["union-iou", "best-iou", "any-overlap", "coverage", "peak", "center"]

GUARD_LESIONS = 10
"""The guard lets components of up to this many times the lesion's volume through."""

GUARD_ORGAN_TENTHS = 3
"""The guard lets components of up to this many tenths of the organ's volume through."""

_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "union-iou": "the union of the components that touch it has an IoU >= {0:.2f} with it",
        "best-iou": "one component has an IoU >= {0:.2f} with it",
        "coverage": "the components cover at least {0:.2f} of it",
        "any-overlap": "a component touches it",
        "peak": "the highest voxel of a component lies in it",
        "center": "the center of a component that touches it lies within its equal-volume radius",
    }
)
_WITH_THRESHOLD = ("union-iou", "best-iou", "coverage")


@dataclass(frozen=True)
class HitRule:
    """One way to decide that a lesion was found.

    Ratios are compared as whole numbers of voxels, so the threshold is a whole number of
    hundredths. Any overlap and coverage alone are won by one component as large as the body:
    the guard takes the hit back when the touching components together are larger than ten times
    the lesion and than 30 % of the organ (where the organ is known).

    Args:
        name: Key of the rule.
        threshold: Of the ratio, in whole hundredths in [0.01, 1]; 0 for rules without a ratio.
        guard: Whether components may be too large to count.

    Raises:
        UnknownKeyError: If there is no such rule.
        InputError: If the threshold is not one that the rule can have.

    Source:
        Union and best IoU: PI-CAI's 0.10; peak: CAMELYON16; center: LUNA16 (there without the
        touch).
    """

    name: RuleName
    threshold: float
    guard: bool

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.name not in _SENTENCES:
            raise UnknownKeyError("hit rule", str(self.name), _SENTENCES)
        if self.name not in _WITH_THRESHOLD:
            if self.threshold != 0.0:
                msg = f"The hit rule '{self.name}' has no threshold; got {self.threshold}."
                raise InputError(msg)
            return
        if not 0.01 <= self.threshold <= 1.0 or round(self.threshold, 2) != self.threshold:
            msg = (
                f"The threshold of the hit rule '{self.name}' is {self.threshold}; give whole "
                "hundredths from 0.01 to 1, such as 0.10."
            )
            raise InputError(msg)

    @property
    def hundredths(self) -> int:
        """The threshold in hundredths; 0 for rules without a ratio."""
        return round(100 * self.threshold)

    @property
    def text(self) -> str:
        """One sentence to print beside every number that the rule made."""
        guard = (
            f"; not if they together exceed {GUARD_LESIONS} times the lesion and "
            f"{10 * GUARD_ORGAN_TENTHS} % of the organ"
            if self.guard
            else ""
        )
        return f"A lesion is found if {_SENTENCES[self.name].format(self.threshold)}{guard}."


HIT_RULES: Mapping[str, HitRule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            HitRule("union-iou", 0.10, guard=False),
            HitRule("best-iou", 0.10, guard=False),
            HitRule("any-overlap", 0.0, guard=True),
            HitRule("coverage", 0.10, guard=True),
            HitRule("peak", 0.0, guard=False),
            HitRule("center", 0.0, guard=False),
        )
    }
)
"""Each rule with its default threshold and guard; the first is the default."""


def find_hit_rule(name: str, threshold: float | None = None) -> HitRule:
    """Find a hit rule by its key.

    Args:
        name: One of `HIT_RULES`.
        threshold: Instead of the default, for rules with a ratio; whole hundredths in [0.01, 1].

    Returns:
        The rule with its default guard.

    Raises:
        UnknownKeyError: If there is no such rule.
        InputError: If the rule cannot have this threshold.
    """
    if name not in HIT_RULES:
        raise UnknownKeyError("hit rule", name, HIT_RULES)
    rule = HIT_RULES[name]
    return rule if threshold is None else HitRule(rule.name, threshold, rule.guard)
