"""Which model made the predictions of a cohort: what an operating point is good for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.cohort import Case
from ..errors import InputError, UnknownKeyError
from ..models.card import find_card
from ..results.staging import MANIFEST

__all__ = ["ModelIdentity", "identify_model"]


@dataclass(frozen=True)
class ModelIdentity:
    """A model and its weights.

    Args:
        model_id: Id of its card; empty if nobody says.
        weights_sha256: Hash of its weights, hex; empty if nobody says.
        note: What the user should know about it; empty if all is well.
    """

    model_id: str = ""
    weights_sha256: str = ""
    note: str = ""


def identify_model(
    cases: Sequence[Case], named: str | None, models_dirs: Iterable[Path] = ()
) -> ModelIdentity:
    """Find out from the records beside the predictions, or from what the user says.

    Args:
        cases: The cohort's.
        named: The model's id as the user gives it.
        models_dirs: Folders with further model cards, to look its weights up in.

    Returns:
        The identity.

    Raises:
        InputError: If the predictions are of several models or weights, or not of the named one.
    """
    recorded = [identity for case in cases if (identity := _read_record(case.prediction))]
    different = sorted(set(recorded))
    if len(different) > 1:
        made = ", ".join(f"{model} ({sha[:12]})" for model, sha in different)
        msg = (
            f"The predictions were made by different models or weights: {made}. A threshold "
            "belongs to one; give the predictions of one at a time."
        )
        raise InputError(msg)
    if not recorded:
        return _look_up(named, models_dirs)
    model_id, sha256 = recorded[0]
    if named is not None and named != model_id:
        msg = (
            f"The predictions say that the model '{model_id}' made them, not '{named}'. Leave out "
            "--model or give the other model's predictions."
        )
        raise InputError(msg)
    n_silent = len(cases) - len(recorded)
    note = f"{n_silent} of {len(cases)} predictions do not say which model made them."
    return ModelIdentity(model_id, sha256, note if n_silent else "")


def _look_up(named: str | None, models_dirs: Iterable[Path]) -> ModelIdentity:
    if named is None:
        note = (
            "The predictions do not say which model made them, so the operating points cannot be "
            "applied. Name it with --model."
        )
        return ModelIdentity(note=note)
    try:
        return ModelIdentity(named, find_card(named, models_dirs).weights.sha256)
    except UnknownKeyError:
        note = (
            f"No model '{named}' is at hand, so its weights are not known and the operating points "
            "cannot be applied. Name the folder of its card with --models-dir."
        )
        return ModelIdentity(named, note=note)


def _read_record(place: Path) -> tuple[str, str] | None:
    """Model id and weights hash from the `result.json` of a prediction; None if it has none."""
    try:
        record: Any = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        made_by = record["provenance"]
        return str(made_by["model_id"]), str(made_by["weights_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
