"""A session with a DICOMweb server: certificates checked, waits and retries bounded."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from dicomweb_client.web import DICOMwebClient
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry

from ..errors import InputError, NetworkError
from .web import Login, Web

__all__ = ["BUSY", "open_client"]

_CONNECT_S = 15.0
_N_RETRIES = 2
BUSY = (429, 502, 503, 504)
"""HTTP statuses after which trying again may help."""

_CHUNK_BYTES = 1 << 20

# Their logs hold UIDs and whole addresses.
for _name in ("dicomweb_client", "urllib3", "requests", "retrying"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class _StrangerError(requests.exceptions.RequestException):
    """A server hands us on to another address; what we send may name patients."""


class _Session(requests.Session):
    """Trusts the authorities that were named, whatever the environment says (requests' #3829).

    Follows a server to other paths of its own, and to nobody else.
    """

    ca: str | None = None

    def get_redirect_target(self, resp: requests.Response) -> Any:
        target = super().get_redirect_target(resp)
        if target is not None:
            url = urljoin(resp.url, target)
            if urlsplit(url)[:2] != urlsplit(resp.url)[:2]:
                resp.close()
                raise _StrangerError(urlsplit(url).netloc)
        return target

    def merge_environment_settings(self, *args: Any, **more: Any) -> Any:
        settings = super().merge_environment_settings(*args, **more)
        return settings | ({"verify": self.ca} if self.ca else {})


class _Proof(AuthBase):
    """Shows a login with each request; an authority of requests' own, so that no .netrc does."""

    def __init__(self, login: Login | None) -> None:
        self._login = login

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._login is None:
            return request
        if not self._login.user:
            request.headers["Authorization"] = f"Bearer {self._login.secret}"
            return request
        user, secret = (text.encode("utf-8") for text in (self._login.user, self._login.secret))
        basic: requests.PreparedRequest = requests.auth.HTTPBasicAuth(user, secret)(request)
        return basic


@contextmanager
def open_client(web: Web) -> Iterator[DICOMwebClient]:
    """Open a session, and turn every trouble with it into an error for the user.

    What only reads is tried again a few times when the server is busy or breaks off.

    Args:
        web: With which server.

    Yields:
        The client.

    Raises:
        InputError: If the authorities' file cannot be used.
        NetworkError: If the server cannot be reached, or refuses.
    """
    if web.ca is not None and not web.ca.is_file():
        msg = f"There is no file '{web.ca}' with certificates. Name one in PEM format."
        raise InputError(msg)
    with _Session() as session:
        retry = Retry(_N_RETRIES, backoff_factor=0.5, status_forcelist=BUSY, raise_on_status=False)
        session.mount("https://", HTTPAdapter(max_retries=retry))
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.auth = _Proof(web.login)
        session.ca = None if web.ca is None else str(web.ca)
        client = DICOMwebClient(
            web.url,
            session=session,
            chunk_size=_CHUNK_BYTES,
            permissive_uid=True,
            timeout=(min(_CONNECT_S, web.timeout_s), web.timeout_s),
        )
        client.set_http_retry_params(retry=False)  # it would send an empty body the second time
        with _told_as_ours(web):
            yield client


@contextmanager
def _told_as_ours(web: Web) -> Iterator[None]:
    try:
        yield
    except _StrangerError as error:
        msg = f"{web} hands us on to '{error}'. Give that address if you trust it."
        raise NetworkError(msg) from error
    except requests.exceptions.SSLError as error:
        raise NetworkError(_say_untrusted(web)) from error
    except requests.exceptions.HTTPError as error:
        status = 0 if error.response is None else error.response.status_code
        raise NetworkError(_say_status(web, status)) from error
    except (requests.exceptions.JSONDecodeError, json.JSONDecodeError) as error:
        msg = f"{web} answers, but not as a DICOMweb server does. Check the path of its address."
        raise NetworkError(msg) from error
    except requests.exceptions.RequestException as error:
        raise NetworkError(_say_unreachable(web, list(_unwrap(error)))) from error


def _unwrap(error: BaseException | None) -> Iterator[BaseException]:
    """Look below the wrappings of requests and urllib3."""
    while error is not None:
        yield error
        first = error.args[0] if error.args else None
        inner = getattr(first, "reason", None) or first
        if not isinstance(inner, BaseException):
            inner = error.__cause__ or error.__context__
        error = inner


def _say_unreachable(web: Web, errors: list[BaseException]) -> str:
    if any(isinstance(one, (requests.exceptions.Timeout, ReadTimeoutError)) for one in errors):
        return (
            f"{web} does not answer within {web.timeout_s:g} s. Check the address, and whether a "
            "firewall or proxy lies between; or wait longer."
        )
    told = [one.strerror for one in errors if isinstance(one, OSError) and one.strerror]
    reason = told[-1].lower() if told else "the connection broke off"
    return f"{web} cannot be reached ({reason}). Check address and port, and that it runs."


def _say_untrusted(web: Web) -> str:
    return (
        f"{web} shows a certificate that is not trusted. Name the authority's PEM file if it is "
        "the hospital's own; else do not go on."
    )


def _say_status(web: Web, status: int) -> str:
    if status in {401, 403}:
        return f"{web} does not let us in (HTTP {status}). Name a file with a login that it knows."
    if status == 404:
        return f"{web} has no such thing (HTTP 404). Check the address, or look for what it has."
    if status in BUSY:
        return f"{web} is busy or out of order (HTTP {status}). Try again later."
    return f"{web} refuses (HTTP {status}). Ask who runs it."
