"""What a user asks of a model, checked against what the model can do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..errors import InputError
from ..models.specs import ModelCard
from ..organs import Organ, find_organ, select_organs

__all__ = ["Request", "check_thresholds", "make_request", "select_known"]


@dataclass(frozen=True)
class Request:
    """What is to be found.

    Args:
        organs: Organs to report on, in table order.
        outlined: For each of these that the model knows, whether it outlines the organ itself and
            not its tumors alone.
        thresholds: Least tumor probability of every organ whose tumors the model knows, of a
            voxel or, with an outline, of a lesion; None where arg-max decides.
        mirror_axes: Axes along which mirrored passes are averaged.
        outline: Probability from which voxels belong to a lesion that is then judged whole; None
            where thresholds decide each voxel.
    """

    organs: tuple[Organ, ...]
    outlined: Mapping[str, bool]
    thresholds: Mapping[str, float | None]
    mirror_axes: tuple[int, ...]
    outline: float | None = None

    @property
    def voxel_thresholds(self) -> dict[str, float | None]:
        """Least probability of a tumor's voxel by organ; None where arg-max decides."""
        if self.outline is None:
            return dict(self.thresholds)
        return {
            key: None if level is None else min(level, self.outline)
            for key, level in self.thresholds.items()
        }


def make_request(
    card: ModelCard,
    *,
    organs: Iterable[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    mirror: bool = False,
) -> Request:
    """Check what is asked for.

    Args:
        card: The model.
        organs: Organ keys; None asks for every organ that the model knows.
        thresholds: Tumor probabilities in [0, 1] by organ key, in place of the card's.
        mirror: Whether to average over mirrored passes.

    Returns:
        The request.

    Raises:
        UnknownKeyError: If a key names no organ.
        InputError: If the model knows none of the organs, a threshold is outside [0, 1] or means
            no tumor of this model, or the model was not trained for mirroring.
    """
    known = {output.organ for output in card.outputs if output.organ is not None}
    if not known:
        msg = (
            f"The model '{card.id}' finds lesions of any organ and does not say of which. Name it "
            "in a recipe, beside a model that outlines the organs."
        )
        raise InputError(msg)
    wanted = select_known(organs, known, card.id)
    if mirror and not card.inference.mirror_axes:
        msg = f"The model '{card.id}' was not trained for mirrored passes; turn mirroring off."
        raise InputError(msg)
    with_outline = {output.organ for output in card.outputs if output.kind == "organ"}
    return Request(
        wanted,
        {organ.key: organ.key in with_outline for organ in wanted if organ.key in known},
        _thresholds(card, thresholds or {}),
        card.inference.mirror_axes if mirror else (),
        card.postprocess.outline,
    )


def _thresholds(card: ModelCard, changed: Mapping[str, float]) -> dict[str, float | None]:
    """The card's thresholds with the user's in their place, for each organ with tumors."""
    with_tumors = {output.organ for output in card.outputs if output.kind == "tumor"}
    default = None if card.activation == "softmax" else 0.5
    result: dict[str, float | None] = {}
    for organ in select_organs(None):
        if organ.key in with_tumors:
            value = card.thresholds.get(organ.key)
            result[organ.key] = default if value is None else value
    return result | check_thresholds(changed, with_tumors, card.id)


def check_thresholds(
    changed: Mapping[str, float], with_tumors: Collection[str | None], model_id: str
) -> dict[str, float]:
    """Check the thresholds that a user gives.

    Args:
        changed: Tumor probabilities by organ key.
        with_tumors: Keys of the organs whose tumors the model finds.
        model_id: Whose they are to be.

    Returns:
        The same, under the organs' own keys.

    Raises:
        UnknownKeyError: If a key names no organ.
        InputError: If one is outside [0, 1] or means no tumor of this model.
    """
    checked: dict[str, float] = {}
    for key, value in changed.items():
        organ = find_organ(key)
        if not 0.0 <= value <= 1.0:
            msg = f"The threshold of {organ.key} is {value}; a probability from 0 to 1 is needed."
            raise InputError(msg)
        if organ.key not in with_tumors:
            msg = f"The model '{model_id}' finds no tumors of {organ.key}; leave out its threshold."
            raise InputError(msg)
        checked[organ.key] = float(value)
    return checked


def select_known(
    organs: Iterable[str] | None, known: Collection[str], model_id: str
) -> tuple[Organ, ...]:
    """Select the organs to report on.

    Args:
        organs: Organ keys; None asks for every organ that the model knows.
        known: Keys of those.
        model_id: The model.

    Returns:
        Rows in table order, at least one of them known.

    Raises:
        UnknownKeyError: If a key names no organ.
        InputError: If the model knows none of the organs.
    """
    wanted = select_organs(organs if organs is not None else known)
    if not any(organ.key in known for organ in wanted):
        msg = (
            f"The model '{model_id}' knows none of the organs asked for "
            f"({', '.join(organ.key for organ in wanted)}); it knows {', '.join(sorted(known))}."
        )
        raise InputError(msg)
    return wanted
