"""Series from a DICOM node or a DICOMweb server into a folder: C-GET, C-MOVE and WADO-RS.

Each way is opened as a context, which gives a function that retrieves one series: it calls `tick`
now and then and returns what went wrong, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
)
from pynetdicom import StoragePresentationContexts, build_role, evt
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context
from requests.exceptions import RequestException

from ..errors import NetworkError, OutputError
from .associations import MOST_CONTEXTS, associate
from .find import make_query
from .inbox import Inbox, RefusedInstanceError
from .peer import Peer
from .server import StoreServer, keep_sent
from .statuses import OUT_OF_RESOURCES, SUCCESS, explain_status, is_pending
from .syntaxes import COMPRESSED, READABLE, UNCOMPRESSED
from .web import Web
from .web_client import open_client

__all__ = ["Retrieve", "Series", "Way", "by_get", "by_move", "by_web"]

_GET = "1.2.840.10008.5.1.4.1.2.2.3"
_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
_SCANS = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
_STORAGE = "1.2.840.10008.5.1.4.1.1"
_USUAL = (f"{_STORAGE}.66.", f"{_STORAGE}.88.", f"{_STORAGE}.7.")  # SEG, reports, captures
_AS_STORED = (("application/dicom", "*"),)


@dataclass(frozen=True)
class Series:
    """A series that is wanted.

    Args:
        study: UID of its study.
        uid: Its own.
        n_objects: That it has; None if that is not told.
    """

    study: str
    uid: str
    n_objects: int | None = None


Retrieve = Callable[[Series, Callable[[], object]], str]
Way = AbstractContextManager[Retrieve]


@contextmanager
def by_get(peer: Peer, folder: Path) -> Iterator[Retrieve]:
    """Have a DICOM node send over our own association.

    Args:
        peer: Which.
        folder: Where objects are kept, as `Inbox` sorts them.

    Yields:
        What retrieves a series.

    Raises:
        NetworkError: If no association can be opened, or there is no C-GET.
    """
    inbox = Inbox(folder)
    contexts = _make_get_contexts()
    kinds = dict.fromkeys(str(one.abstract_syntax) for one in contexts[1:])
    roles = [build_role(kind, scp_role=True) for kind in kinds]
    refused: list[int] = []

    def keep(event: Event) -> int:
        status = keep_sent(event, inbox, lambda _kept: None)
        refused.extend([status] if status != SUCCESS else [])
        return status

    handlers = [(evt.EVT_C_STORE, keep)]
    with associate(peer, contexts, roles=roles, handlers=handlers) as association:
        if not any(one.abstract_syntax == _GET for one in association.accepted_contexts):
            msg = f"{peer} offers no C-GET. Have it send to us by C-MOVE."
            raise NetworkError(msg)

        def retrieve(series: Series, tick: Callable[[], object]) -> str:
            if not association.is_established:
                return "it broke off"
            answers = association.send_c_get(_query(series), _GET)
            reason = _follow(answers, tick)
            return _say_ours(refused.pop()) if refused else reason

        yield retrieve
    inbox.close()


def _make_get_contexts() -> list[PresentationContext]:
    """Propose scans in each encoding apart, so that none must be decoded, and all else in one."""
    contexts = [build_context(_GET)]
    for kind in _SCANS:
        contexts.append(build_context(kind, list(UNCOMPRESSED)))
        contexts += [build_context(kind, syntax) for syntax in COMPRESSED]
    others = (str(one.abstract_syntax) for one in StoragePresentationContexts)
    contexts += [build_context(kind, list(READABLE)) for kind in _by_use(others)]
    return contexts[:MOST_CONTEXTS]


def _by_use(kinds: Iterator[str]) -> list[str]:
    """Put what studies of the abdomen hold first: there is no room for all."""
    own = [kind for kind in kinds if kind not in _SCANS]
    return sorted(own, key=lambda kind: not f"{kind}.".startswith(_USUAL))


@contextmanager
def by_move(peer: Peer, folder: Path, listen: tuple[str, int]) -> Iterator[Retrieve]:
    """Have a DICOM node send to us as to a third: it must know our title, address and port.

    Args:
        peer: Which; objects go to its `calling_ae_title`.
        folder: Where objects are kept.
        listen: Address and port on which to wait for them.

    Yields:
        What retrieves a series.

    Raises:
        NetworkError: If no association can be opened, or the port cannot be listened on.
    """
    host, port = listen
    server = StoreServer(
        folder,
        lambda _study: None,
        host=host,
        port=port,
        ae_title=peer.calling_ae_title,
        timeout_s=peer.timeout_s,
        tls=peer.tls if peer.tls is not None and peer.tls.certificate is not None else None,
    )
    with server, associate(peer, [build_context(_MOVE)]) as association:

        def retrieve(series: Series, tick: Callable[[], object]) -> str:
            if not association.is_established:
                return "it broke off"
            answers = association.send_c_move(_query(series), peer.calling_ae_title, _MOVE)
            return _follow(answers, tick)

        yield retrieve


def _query(series: Series) -> Dataset:
    keys = {"StudyInstanceUID": series.study, "SeriesInstanceUID": series.uid}
    return make_query("series", keys)


def _follow(answers: Iterator[tuple[Dataset, Dataset | None]], tick: Callable[[], object]) -> str:
    """Follow the answers to a C-GET or C-MOVE; what went wrong."""
    for answer, _ in answers:
        status = answer.get("Status")
        if status is None:
            return "it broke off or was silent for too long"
        if is_pending(status):
            tick()
            continue
        n_failed = answer.get("NumberOfFailedSuboperations") or 0
        if n_failed:
            return f"it failed to send {n_failed}"
        return "" if status == SUCCESS else explain_status(status)
    return "it did not say that it was done"


@contextmanager
def by_web(web: Web, folder: Path) -> Iterator[Retrieve]:
    """Load from a DICOMweb server, each object as it is stored there.

    Args:
        web: Which.
        folder: Where objects are kept.

    Yields:
        What retrieves a series.

    Raises:
        NetworkError: If the server cannot be reached or refuses.
    """
    inbox = Inbox(folder)
    with open_client(web) as client:

        def retrieve(series: Series, tick: Callable[[], object]) -> str:
            datasets: Iterator[Dataset] | None = None
            while True:
                try:
                    if datasets is None:
                        datasets = client.iter_series(series.study, series.uid, _AS_STORED)
                    dataset = next(datasets, None)
                    if dataset is None:
                        return ""
                    inbox.keep(_encode(dataset))
                except RequestException:
                    raise
                except RefusedInstanceError as error:
                    return _say_ours(error.status)
                except Exception:  # noqa: BLE001 - pydicom raises whatever foreign bytes run it into
                    return "it sent damaged objects"
                tick()

        yield retrieve
    inbox.close()


def _encode(dataset: Dataset) -> bytes:
    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _say_ours(status: int) -> str:
    """Say why we refused what was sent."""
    if status == OUT_OF_RESOURCES:
        msg = "The disk is nearly full. Free some space, or name a folder elsewhere."
        raise OutputError(msg)
    return "it sent damaged objects"
