"""The network of hospitals: DICOM's own protocol (DIMSE) and DICOMweb, as client and as server.

`Peer` and `Web` are addresses; `echo`, `find`, `fetch` and `send` work with either. `StoreServer`
takes what others send. Knows nothing of networks that segment. AE titles are names, not passwords:
who must be kept out is kept out by TLS with certificates or by the network.
"""

from __future__ import annotations

from ..errors import DependencyError

try:
    import dicomweb_client  # noqa: F401 - asked for here, so that one place names the extra
    import pynetdicom  # noqa: F401
except ModuleNotFoundError as error:
    _msg = (
        f"The package '{error.name}' is missing, which speaks to DICOM servers. Install it with: "
        "pip install 'atlastumor[hospital]'"
    )
    raise DependencyError(_msg) from error

from .arrivals import ReceivedStudy
from .echo import echo
from .fetch import Fetched, fetch
from .find import LEVELS, Match, find
from .peer import Peer, parse_peer
from .send import Failure, Sent, send
from .server import StoreServer, list_studies
from .tls import Tls
from .web import Login, Web, parse_login, read_login

__all__ = [
    "LEVELS",
    "Failure",
    "Fetched",
    "Login",
    "Match",
    "Peer",
    "ReceivedStudy",
    "Sent",
    "StoreServer",
    "Tls",
    "Web",
    "echo",
    "fetch",
    "find",
    "list_studies",
    "parse_login",
    "parse_peer",
    "read_login",
    "send",
]
