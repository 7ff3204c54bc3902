"""What a worker on another machine must have in common with the runner of a cohort."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..executors.agreement import Agreement, look_at
from ..models.card import find_card
from ..models.recipe import Recipe
from ..models.weights import find_weights
from .settings import BatchSettings

__all__ = ["agree_on_cohort", "describe_model"]


def agree_on_cohort(settings: BatchSettings, inputs: Iterable[str | Path]) -> list[Agreement]:
    """Demand the same model, and that inputs are seen as they are here.

    Args:
        settings: What is done with every case.
        inputs: Files, folders and patterns; of patterns, the folder before the first wildcard.

    Returns:
        An agreement for the model and for each input.
    """
    folder = settings.models_dir.resolve() if settings.models_dir is not None else None
    advice = "Import the same model there, or keep models in a folder that all machines share."
    model = Agreement(
        f"The model '{settings.model}'", describe_model, (settings.model, folder), advice
    )
    advice = "Mount it on every machine under the same path, for the same user."
    places = {_find_place(Path(text)): None for text in inputs}
    return [model, *(Agreement(f"The input {one}", look_at, one, advice) for one in places)]


def _find_place(path: Path) -> Path:
    """The nearest thing that is there, absolute."""
    place = path.expanduser().absolute()
    while not place.exists():
        place = place.parent
    return place.resolve()


def describe_model(model: tuple[str, Path | None]) -> str:
    """Say which weights go by a name where this runs.

    Args:
        model: Id of a model or recipe, and the folder of imported models.

    Returns:
        Its version and the hash of its weights, of which the file was found; other bytes in the
        file are refused when it is opened.

    Raises:
        AtlasTumorError: If there is no such model, or its weights are not there.
    """
    name, models_dir = model
    card = find_card(name, [models_dir] if models_dir is not None else [])
    for one in card.cards.values() if isinstance(card, Recipe) else (card,):
        find_weights(one, models_dir=models_dir)
    return f"version {card.version}, weights {card.weights.sha256}"
