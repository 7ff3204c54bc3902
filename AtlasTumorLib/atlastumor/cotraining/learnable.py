"""What can be learned from a cohort: only what somebody looked for becomes a channel.

The loss adds the probability of what a case is not annotated for to that of the organ around it. A
channel that no case is annotated for would so be free to take what it likes, and the model would
call organs tumors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..batch.cases import Problem
from ..collections import Annotation, CollectionCase
from ..errors import InputError
from ..models.specs import OutputSpec
from ..organs import ORGANS, select_organs
from ..training.channels import list_outputs
from .prepare import CachedCase

__all__ = [
    "check_taught",
    "count_tumors_as_organs",
    "describe_gaps",
    "find_learnable",
    "list_channels",
]


def find_learnable(cases: Iterable[CollectionCase], wanted: Sequence[str] | None) -> Annotation:
    """Find what at least one case is annotated for.

    Tumors grow only where a case was searched for them, so synthetic ones add nothing here.

    Args:
        cases: Training cases.
        wanted: Keys of the organs to learn; None takes all.

    Returns:
        Organs that can be outlined, and organs whose tumors can be found.

    Raises:
        InputError: If nothing is annotated, or not all that is wanted.
    """
    known = [case.annotated for case in cases]
    organs = frozenset(key for one in known for key in one.organs)
    tumors = frozenset(key for one in known for key in one.tumors)
    if wanted is not None and (missing := [key for key in wanted if key not in organs | tumors]):
        there = ", ".join(o.key for o in ORGANS if o.key in organs | tumors) or "nothing"
        msg = (
            f"No training case is annotated for {', '.join(missing)}; annotated is {there}. Take "
            "it out of `organs`, or add cases that outline it."
        )
        raise InputError(msg)
    if not organs | tumors:
        msg = "No training case is annotated for any organ. See `annotated` in the cohort file."
        raise InputError(msg)
    keys = frozenset(wanted) if wanted is not None else organs | tumors
    return Annotation(organs & keys, tumors & keys)


def list_channels(learnable: Annotation) -> tuple[OutputSpec, ...]:
    """List the channels of a network that learns this and nothing else.

    Args:
        learnable: From `find_learnable`.

    Returns:
        Background, the organs, then tumors.
    """
    keys = {"organ": learnable.organs, "tumor": learnable.tumors}
    every = list_outputs(select_organs(learnable.organs | learnable.tumors))
    kept = [o for o in every if o.organ is None or o.organ in keys[o.kind]]
    return tuple(replace(output, channel=n) for n, output in enumerate(kept))


def describe_gaps(outputs: Sequence[OutputSpec]) -> str:
    """Say which organs are learned by half.

    Args:
        outputs: From `list_channels`.

    Returns:
        Sentences with a space before each, or "".
    """
    organs, tumors = (_keys(outputs, kind) for kind in ("organ", "tumor"))
    text = ""
    if bare := [o.key for o in ORGANS if o.key in organs - tumors]:
        text += (
            f" No training case was searched for tumors of {', '.join(bare)}: the model outlines "
            "that, and does not look for its tumors."
        )
    if unseen := [o.key for o in ORGANS if o.key in tumors - organs]:
        text += (
            f" No training case outlines {', '.join(unseen)}: the model looks for its tumors, and "
            "does not outline it."
        )
    return text


def _keys(outputs: Iterable[OutputSpec], kind: str) -> set[str]:
    return {o.organ for o in outputs if o.kind == kind and o.organ is not None}


def count_tumors_as_organs(case: CollectionCase, outputs: Sequence[OutputSpec]) -> CollectionCase:
    """Give tumors that no channel is for to their organ, such as cysts that somebody drew.

    Args:
        case: A training case.
        outputs: From `list_channels`.

    Returns:
        The case, its files meaning that.
    """
    bare = _keys(outputs, "organ") - _keys(outputs, "tumor")
    organ_of: dict[tuple[int, ...], tuple[int, ...]] = {
        (o.tumor_label,): o.labels for o in ORGANS if o.key in bare
    }
    files = [
        replace(file, values={n: organ_of.get(ours, ours) for n, ours in file.values.items()})
        for file in case.labels
    ]
    return replace(case, labels=tuple(files))


def check_taught(
    outputs: Sequence[OutputSpec],
    cases: Sequence[CachedCase | Annotation],
    damaged: Sequence[Problem],
) -> None:
    """Make sure that the cases which can be read are annotated for every channel.

    Args:
        outputs: From `list_channels`.
        cases: Those that can be used, or what they are annotated for.
        damaged: Why others cannot.

    Raises:
        InputError: If a channel has no case left.
    """
    for output in outputs:
        known = [case.tumors if output.kind == "tumor" else case.organs for case in cases]
        if output.organ is None or any(output.organ in keys for keys in known):
            continue
        what = f"tumors of {output.organ}" if output.kind == "tumor" else output.organ
        first = damaged[0]
        msg = (
            f"Every training case that is annotated for {what} cannot be used. The first that "
            f"cannot: {first.case}: {first.message} Repair these cases, or take them out of the "
            "cohort."
        )
        raise InputError(msg)
