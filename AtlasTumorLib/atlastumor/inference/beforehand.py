"""What is checked and said before a network sees a scan."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from ..errors import OutOfMemoryError
from ..models.specs import ModelCard
from ..volume import Grid
from .device import Device
from .estimating import Estimate
from .memory import available_host_bytes, resident_bytes
from .orientation import find_tilt_degrees

__all__ = ["NOTHING_TO_DISAGREE", "check_memory", "engine_notes"]

NOTHING_TO_DISAGREE = (
    "The model '{}' is one network, which has none to disagree with. Leave disagreement out, or "
    "take an ensemble of folds, or a recipe in which several models tell about one organ."
)
"""With the model's id, why there is no map of disagreement."""

_NOTABLE_TILT_DEGREES = 15.0

_log = logging.getLogger(__name__)


def check_memory(foreseen: Estimate) -> None:
    """Refuse a scan that would bring the computer to its knees.

    Args:
        foreseen: What the run will need.

    Raises:
        OutOfMemoryError: If that is more than is free.
    """
    _log.info(
        "%d windows, about %.0f s and %.1f GB foreseen",
        foreseen.n_windows,
        foreseen.seconds,
        foreseen.host_bytes / 1e9,
    )
    missing = foreseen.host_bytes - resident_bytes() - available_host_bytes()
    if missing > 0:
        msg = (
            f"The scan needs about {foreseen.host_bytes / 1e9:.1f} GB of memory, "
            f"{missing / 1e9:.1f} GB more than is free. Close other programs, or crop the scan "
            "to the abdomen."
        )
        raise OutOfMemoryError(msg)


def engine_notes(
    grid: Grid, device: Device, cards: Iterable[ModelCard], precision: str
) -> Iterator[str]:
    """Say what the user should know about how the scan was looked at.

    Args:
        grid: The scan's.
        device: What the networks ran on.
        cards: Theirs.
        precision: What they ran in.

    Yields:
        Sentences.
    """
    if device.note:
        yield device.note
    for card in cards if precision == "int8" else ():
        if card.quantization is not None:
            yield f"'{card.id}' ran in 8 bits, in ranges measured on {card.quantization.data}."
    tilt = find_tilt_degrees(grid)
    if tilt > _NOTABLE_TILT_DEGREES:
        yield (
            f"The scan's axes are tilted by {tilt:.0f} degrees; the network saw it along its own "
            "axes, so its answers are less sure."
        )
