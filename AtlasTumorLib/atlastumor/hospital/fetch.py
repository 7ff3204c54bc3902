"""Studies and series from a DICOM node or a DICOMweb server, whole or not at all."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, NetworkError, OutputError, UsageError
from ..progress import Progress, ignore_progress
from ..results.staging import clear_up, make_partial
from .find import find
from .inbox import list_objects
from .peer import Peer
from .retrieve import Series, Way, by_get, by_move, by_web
from .web import Web

__all__ = ["Fetched", "fetch"]

_FIRST_PAUSE_S = 0.5
_LOOKED = 0.02
_LAST_TICK = 0.99


@dataclass(frozen=True)
class Fetched:
    """What came.

    Args:
        folder: With a folder for each study, in it one for each series; none is named after a
            patient.
        n_series: How many series.
        n_objects: How many objects, in as many files.
    """

    folder: Path
    n_series: int
    n_objects: int


def fetch(
    where: Peer | Web,
    folder: Path,
    *,
    studies: Sequence[str],
    series: Sequence[str] = (),
    modality: str = "",
    listen: tuple[str, int] | None = None,
    n_retries: int = 2,
    progress: Progress = ignore_progress,
) -> Fetched:
    """Retrieve studies, or some of their series.

    Series that come in part are asked for again. Unless all come, nothing is kept.

    Args:
        where: From whom.
        folder: For the objects; must not exist or be empty. `atlastumor segment` and `batch` read
            it.
        studies: UIDs of studies.
        series: UIDs of series in them; empty for all.
        modality: Such as "CT"; empty for all.
        listen: Address and port on which to wait for objects that a DICOM node sends by C-MOVE;
            None asks by C-GET.
        n_retries: How many times to ask again.
        progress: Told how far it is; what it raises ends it.

    Returns:
        What came.

    Raises:
        InputError: If there is no such study or series.
        OutputError: If the folder cannot be used.
        NetworkError: If the other side cannot be reached, refuses, or does not send all.
    """
    if not studies:
        msg = "Name at least one study by its StudyInstanceUID."
        raise UsageError(msg)
    progress(0.0, "Looking for series")
    wanted = [one for study in studies for one in _look_for(where, study, series, modality)]
    partial = _prepare(folder)
    try:
        _Retrieval(where, partial, listen, progress).run(wanted, n_retries)
        n_objects = sum(len(list_objects(partial, one.study, one.uid)) for one in wanted)
        _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(1.0, "Fetching")
    return Fetched(folder, len(wanted), n_objects)


def _look_for(where: Peer | Web, study: str, series: Sequence[str], modality: str) -> list[Series]:
    """List the series of a study that are wanted, at least one."""
    keys = {"StudyInstanceUID": study} | ({"Modality": modality} if modality else {})
    matches = find(where, "series", keys, limit=10_000)
    wanted = [
        Series(study, uid, int(told) if told.isdecimal() else None)
        for one in matches
        if (uid := one["SeriesInstanceUID"]) and (not series or uid in series)
        # Some servers do not match what a study may have several of.
        if not modality or one["Modality"] in {"", modality}
        for told in [one["NumberOfSeriesRelatedInstances"]]
    ]
    if not wanted:
        what = "series of that kind" if series or modality else "study"
        msg = f"{where} has no such {what}. Look for what it has with `atlastumor dicom find`."
        raise InputError(msg)
    return wanted


class _Retrieval:
    """Asks for series until all have come whole, or for as often as it may."""

    def __init__(
        self, where: Peer | Web, folder: Path, listen: tuple[str, int] | None, progress: Progress
    ) -> None:
        self._where, self._folder, self._listen = where, folder, listen
        self._progress = progress

    def run(self, wanted: Sequence[Series], n_retries: int) -> None:
        n_total = sum(one.n_objects or 1 for one in wanted)
        waiting, reasons = list(wanted), [""]
        for attempt in range(n_retries + 1):
            if attempt:
                time.sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                waiting, reasons = self._ask_for(waiting, wanted, n_total)
            except NetworkError:
                if attempt == n_retries:
                    raise
            if not waiting:
                return
        n_came = sum(self._count(one) for one in wanted)
        n_due = sum(one.n_objects or self._count(one) for one in wanted)
        msg = (
            f"{self._where} sent {n_came} of {n_due} objects: {reasons[0] or 'some are missing'}. "
            "Nothing was kept; fetch again later."
        )
        raise NetworkError(msg)

    def _ask_for(
        self, waiting: Sequence[Series], wanted: Sequence[Series], n_total: int
    ) -> tuple[list[Series], list[str]]:
        """Ask for series once; those that did not come whole, and why."""

        def tick() -> None:
            n_came = sum(min(self._count(one), one.n_objects or 1) for one in wanted)
            share = n_came / max(n_total, 1)
            self._progress(_LOOKED + share * (_LAST_TICK - _LOOKED), "Fetching")

        left, reasons = [], []
        with self._open_way() as retrieve:
            for one in waiting:
                reason = retrieve(one, tick)
                tick()
                if reason or self._count(one) < (one.n_objects or 1):
                    left.append(one)
                    reasons.append(reason)
        return left, reasons

    def _open_way(self) -> Way:
        if isinstance(self._where, Web):
            return by_web(self._where, self._folder)
        if self._listen is None:
            return by_get(self._where, self._folder)
        return by_move(self._where, self._folder, self._listen)

    def _count(self, series: Series) -> int:
        return len(list_objects(self._folder, series.study, series.uid))


def _prepare(folder: Path) -> Path:
    """Make the hidden folder that becomes the result."""
    try:
        clear_up(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            msg = f"'{folder}' is there already. Name a new or an empty folder."
            raise OutputError(msg)
        return make_partial(folder.resolve())
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        msg = f"'{folder}' cannot be written to: {reason}. Name another folder."
        raise OutputError(msg) from error


def _put_in_place(partial: Path, folder: Path) -> None:
    try:
        if folder.exists():
            folder.rmdir()
        partial.replace(folder.resolve())
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        msg = f"'{folder}' cannot be put in place: {reason}. Name another folder."
        raise OutputError(msg) from error
