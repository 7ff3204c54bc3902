"""STOW-RS: objects to a DICOMweb server, one in each request, so that each is answered for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from requests.exceptions import HTTPError
from requests.models import Response

from .instances import Instance
from .statuses import explain_status, is_final, may_pass
from .store import Outcome
from .web import Web
from .web_client import BUSY, open_client

__all__ = ["store_at_web"]

_NOT_LET_IN = {401, 403, 404, 405}
_FAILED, _REASON = "00081198", "00081197"  # FailedSOPSequence, FailureReason in DICOM JSON
_WORDS = {
    400: "it cannot read the object",
    409: "it does not take the object",
    413: "the object is too large for it",
    415: "it does not take this encoding",
}


def store_at_web(web: Web, instances: Sequence[Instance]) -> Iterator[Outcome]:
    """Send objects by STOW-RS.

    Args:
        web: To whom.
        instances: What.

    Yields:
        One outcome for each object.

    Raises:
        NetworkError: If the server cannot be reached, or lets us do nothing.
    """
    with open_client(web) as client:
        for instance in instances:
            try:
                dataset = instance.read()
            except Exception as error:  # noqa: BLE001 - whatever foreign bytes run pydicom into
                reason = f"it was not asked, as the file cannot be read ({type(error).__name__})"
                yield Outcome(instance, is_stored=False, reason=reason)
                continue
            try:
                answer = client.store_instances([dataset])
            except HTTPError as error:
                yield _judge(instance, error)
            else:
                yield _look_at(instance, answer)


def _judge(instance: Instance, error: HTTPError) -> Outcome:
    """Say what an HTTP status means for one object, unless it means all.

    Raises:
        HTTPError: The same, if no object would be taken.
    """
    status = 0 if error.response is None else error.response.status_code
    if status in _NOT_LET_IN:
        raise error
    told = _find_reason(error.response)
    if told is not None:
        return _refuse(instance, told)
    reason = f"{_WORDS.get(status, 'it refused')} (HTTP {status})"
    return Outcome(instance, is_stored=False, reason=reason, may_pass=status in BUSY)


def _look_at(instance: Instance, answer: Dataset) -> Outcome:
    """Look for the object among those that a server says it failed to store."""
    for failed in answer.get("FailedSOPSequence") or ():
        return _refuse(instance, int(failed.get("FailureReason") or 0))
    return Outcome(instance, is_stored=True)


def _find_reason(response: Response | None) -> int | None:
    """The DICOM status in the body of an HTTP error; None if it does not say one in JSON."""
    if response is None:
        return None
    try:
        answer = response.json()
        (dataset,) = answer if isinstance(answer, list) else [answer]
        return int(dataset[_FAILED]["Value"][0][_REASON]["Value"][0])
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _refuse(instance: Instance, status: int) -> Outcome:
    return Outcome(
        instance,
        is_stored=False,
        reason=explain_status(status),
        may_pass=may_pass(status),
        is_final=is_final(status),
    )
