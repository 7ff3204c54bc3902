"""Whether a DICOM node or a DICOMweb server is there and answers us."""

from __future__ import annotations

import time

from pynetdicom import VerificationPresentationContexts

from ..errors import NetworkError
from .associations import associate
from .peer import Peer
from .statuses import SUCCESS, explain_status
from .web import Web
from .web_client import open_client

__all__ = ["echo"]


def echo(where: Peer | Web) -> float:
    """Ask whether somebody answers: C-ECHO, or a search for one study by DICOMweb.

    Args:
        where: Whom.

    Returns:
        How long it took, in seconds.

    Raises:
        NetworkError: If nobody does, or refuses.
    """
    began = time.monotonic()
    if isinstance(where, Web):
        with open_client(where) as client:
            client.search_for_studies(limit=1)
        return time.monotonic() - began
    with associate(where, VerificationPresentationContexts) as association:
        answer = association.send_c_echo()
        if "Status" not in answer:
            msg = f"{where} did not answer within {where.timeout_s:g} s. Try again, or wait longer."
            raise NetworkError(msg)
        if answer.Status != SUCCESS:
            msg = f"{where} refuses to answer: {explain_status(answer.Status)}."
            raise NetworkError(msg)
    return time.monotonic() - began
