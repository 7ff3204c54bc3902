"""Importing models that others trained: read as data, checked, tried, and kept as a card.

One file for each format; what all have in common is in `draft.py` (what is read) and in
`installing.py` (how it is put in place). Adding one: a file, a way to tell it in `recognizing.py`,
a line below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import AtlasTumorError, InputError
from ...progress import CancelToken, Progress, ignore_progress, part_of
from ..card import ModelCard
from ..folders import default_models_dir
from ..reading.archives import unpacked
from .auto3dseg import read_auto3dseg
from .bundle import read_bundle
from .documents import read_json
from .draft import Draft, Wishes
from .fields import as_text
from .installing import install
from .nnunet import read_nnunet
from .nnunet_v1 import read_nnunet_v1
from .own import read_own
from .plain import read_plain
from .recognizing import recognize_place

__all__ = ["FORMATS", "import_model", "recognize"]

FORMATS: Mapping[str, Callable[[Path, Wishes, Progress, CancelToken], Draft]] = {
    "nnunet": read_nnunet,
    "nnunet_v1": read_nnunet_v1,
    "bundle": read_bundle,
    "auto3dseg": read_auto3dseg,
    "plain": read_plain,
    "own": read_own,
}
"""Every format by its name."""

_WITH_CONFIGURATIONS = ("nnunet", "nnunet_v1")
_UNFORESEEN = (
    *(ArithmeticError, AttributeError, LookupError, OSError, RecursionError),
    *(TypeError, ValueError),
)


def recognize(path: Path) -> str:
    """Tell which format a model has.

    Args:
        path: A folder, an archive or a file.

    Returns:
        A key of `FORMATS`.

    Raises:
        InputError: If it is none that is known, or not there.
        WeightsError: If a checkpoint in it cannot be read.
    """
    with _opened(Path(path)) as place:
        return recognize_place(place)


def import_model(
    path: Path,
    models_dir: Path | None = None,
    *,
    card: Path | Mapping[str, Any] | None = None,
    id: str | None = None,  # noqa: A002 - a card's own word
    labels: Mapping[str, str] | None = None,
    organ: str | None = None,
    configuration: str | None = None,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> ModelCard:
    """Make a model of what others trained, in the models folder.

    Nothing in it is run. The network is built and filled before the model is put in place, so that
    it is there complete or not at all.

    Args:
        path: A folder, an archive or a file; see `recognizing`.
        models_dir: Where the model goes, made if needed; None for `default_models_dir`.
        card: What is known of the model beforehand, as a card's sections with or without
            `weights`: its words come before those of the file. A plain checkpoint needs one.
        id: Of the model to be; None takes the card's, or makes one from the file.
        labels: What labels mean, such as {"PDAC": "pancreas tumor"}; keys are the model's names of
            them or channel numbers. An organ's key, with "tumor" or a side; "background"; "other".
        organ: Key of the organ of tumors whose names do not say it.
        configuration: Which network, where there are several, such as "3d_lowres".
        progress: Told how far it is.
        cancel: Stops it at the next step; nothing is left behind.

    Returns:
        The card; its id is what `--model` takes.

    Raises:
        InputError: If the format is not known or the model cannot be used here; says why.
        CardError: If card or network are not as they should be.
        WeightsError: If the weights cannot be read or do not fit; lists how.
        OutputError: If the folder cannot be written to.
        Cancelled: If `cancel` was set.
    """
    token = cancel or CancelToken()
    told = read_json(Path(card)) if isinstance(card, (str, Path)) else card
    wishes = Wishes(id, told, labels or {}, organ, configuration)
    folder = Path(models_dir) if models_dir is not None else default_models_dir()
    tell = _stopping(progress, token)
    with _opened(Path(path), part_of(tell, 0.0, 0.1)) as place:
        return _make(place, wishes, folder, part_of(tell, 0.1, 1.0), token)


def _stopping(progress: Progress, cancel: CancelToken) -> Progress:
    """Let every step of the progress be one at which the user can stop."""

    def tell(fraction: float, stage: str) -> None:
        cancel.check()
        progress(fraction, stage)

    return tell


def _make(
    place: Path, wishes: Wishes, folder: Path, progress: Progress, cancel: CancelToken
) -> ModelCard:
    """Read and install; its tensors, which may lie in the files, are gone before these are."""
    progress(0.0, "Looking at the files")
    draft = _read(place, wishes, part_of(progress, 0.0, 0.4), cancel)
    return install(draft, folder, progress=part_of(progress, 0.4, 1.0), cancel=cancel)


def _read(place: Path, wishes: Wishes, progress: Progress, cancel: CancelToken) -> Draft:
    """Read a model; what its format does not foresee ends in a sentence, whatever it is."""
    kind = recognize_place(place)
    if wishes.configuration is not None and kind not in _WITH_CONFIGURATIONS:
        msg = (
            f"'{place.name}' is one model of the format '{kind}', without configurations to choose "
            f"from; '{as_text(wishes.configuration)}' was asked for. Leave it out."
        )
        raise InputError(msg)
    try:
        return FORMATS[kind](place, wishes, progress, cancel)
    except _UNFORESEEN as error:
        if isinstance(error, AtlasTumorError):
            raise
        told = f"{type(error).__name__}: {as_text(error)}"
        msg = f"'{place.name}' is not as the format '{kind}' should be ({told})."
        raise InputError(msg) from error


@contextmanager
def _opened(path: Path, progress: Progress = ignore_progress) -> Iterator[Path]:
    """What is to be looked at: the folder or file itself, or what an archive holds."""
    if path.is_file() and path.suffix.lower() == ".zip":
        with unpacked(path, progress=progress) as folder:
            yield folder
    else:
        yield path
