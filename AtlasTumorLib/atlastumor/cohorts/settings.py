"""What every case of a cohort is done with, fixed before the first one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import InputError
from ..models.card import DEFAULT_MODEL, find_card
from ..organs import select_organs
from ..provenance import to_plain

if TYPE_CHECKING:
    from ..models.recipe import Model

__all__ = ["BatchSettings", "make_settings"]

_PLACES = ("models_dir", "deidentify")
"""Fields that say where something lies and not what is done; a moved folder changes nothing."""


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """How scans are segmented and written; `make_settings` makes them.

    Args:
        model: Id of the model or recipe.
        weights_sha256: Hash of its weights, hex; other weights under the same name are refused.
        models_dir: Where imported cards and weights lie.
        organs: Keys of the organs to report; None for all that the model knows.
        thresholds: Least tumor probability by organ, in place of the card's.
        notes: Where the thresholds come from; a sentence each, for every record.
        mirror: Whether to average over mirrored passes.
        probabilities: Whether to write tumor probabilities.
        disagreement: Whether to write where several networks disagree.
        formats: Of `results.FORMATS`.
        report: Whether to write report and picture.
        deidentify: Key file by which patients are taken out of the DICOM results; None leaves them.
        key_sha256: Its hash, hex; another key under the same name is refused.
        backend: "auto", "torch" or "openvino".
        precision: "auto", "fp32", "bf16", "fp16" or "int8".
        version: Of this software.
    """

    model: str = DEFAULT_MODEL
    weights_sha256: str = ""
    models_dir: Path | None = None
    organs: tuple[str, ...] | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    mirror: bool = False
    probabilities: bool = False
    disagreement: bool = False
    formats: tuple[str, ...] = ("nifti",)
    report: bool = True
    deidentify: Path | None = None
    key_sha256: str = ""
    backend: str = "auto"
    precision: str = "auto"
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Say it in what JSON can hold."""
        own = asdict(self)
        places = {name: str(own[name]) if own[name] is not None else None for name in _PLACES}
        plain: dict[str, Any] = to_plain(own | places)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BatchSettings:
        """Read what `to_dict` gave.

        Raises:
            InputError: If it is anything else.
        """
        try:
            given = {**data}
            for name in ("organs", "notes", "formats"):
                given[name] = None if given[name] is None else tuple(map(str, given[name]))
            for name in _PLACES:
                given[name] = Path(given[name]) if given[name] else None
            given["thresholds"] = {str(k): float(p) for k, p in given["thresholds"].items()}
            return cls(**given)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            msg = f"These are no settings of a batch of version {__version__}: {error}."
            raise InputError(msg) from error

    def find_model(self) -> Model:
        """Find the card of the model or the recipe.

        Raises:
            UnknownKeyError: If there is none.
            CardError: If it is malformed.
        """
        return find_card(self.model, [self.models_dir] if self.models_dir else [])

    def fingerprint(self) -> str:
        """Hash what decides about results, hex."""
        text = json.dumps(self._deciding(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: BatchSettings) -> list[str]:
        """Say in what other settings differ, a few words each; where things lie does not count."""
        mine, theirs = self._deciding(), other._deciding()
        return [
            f"{name}: {json.dumps(mine[name])}, now {json.dumps(theirs[name])}"
            for name in mine
            if mine[name] != theirs[name]
        ]

    def _deciding(self) -> dict[str, Any]:
        return {key: value for key, value in self.to_dict().items() if key not in _PLACES}


def make_settings(
    *,
    organs: Iterable[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    operating_point: Path | None = None,
    **options: Any,
) -> BatchSettings:
    """Make settings of what a user asks for, and check them.

    Args:
        organs: Keys of the organs to report; None for all there are.
        thresholds: Least tumor probability by organ; they come before the next.
        operating_point: File of thresholds that were chosen for this model.
        options: Other fields of `BatchSettings`.

    Returns:
        The settings, with the hash of the weights.

    Raises:
        AtlasTumorError: If there is no such model or organ, or the file of thresholds cannot be
            used with the model.
    """
    chosen = tuple(organ.key for organ in select_organs(organs))
    settings = BatchSettings(**options)
    card = settings.find_model()
    given, notes = _choose_thresholds(dict(thresholds or {}), operating_point, card)
    own = {one.name: getattr(settings, one.name) for one in fields(settings)}
    own |= {"organs": chosen, "thresholds": given, "notes": notes}
    if settings.deidentify is not None:
        own["deidentify"] = settings.deidentify.expanduser().absolute()  # workers start elsewhere
        own["key_sha256"] = _check_key(settings.deidentify, settings.formats)
    return BatchSettings(**own | {"weights_sha256": card.weights.sha256})


def _check_key(key_file: Path, formats: Iterable[str]) -> str:
    """Hash of a key that is there and has something to do."""
    if not any(name.startswith("dicom-") for name in formats):
        msg = "Only DICOM results name a patient. Ask for one, or leave out de-identification."
        raise InputError(msg)
    from ..deidentify.options import identify_key

    return identify_key(key_file)


def _choose_thresholds(
    given: dict[str, float], operating_point: Path | None, card: Model
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Thresholds as given and from the operating point, and where each comes from."""
    if operating_point is None:
        return given, ()
    from ..detection.operating_point import (  # noqa: PLC0415 - pulls in scipy
        load_operating_points,
        thresholds_for,
    )

    points = load_operating_points(operating_point)
    chosen = thresholds_for(points, card)
    notes = [f"Used the {point.text}." for point in points if point.organ not in given]
    notes += [
        f"Used the threshold {given[organ]:g} of {organ} as given, not the operating point's."
        for organ in chosen
        if organ in given
    ]
    return chosen | given, tuple(notes)
