"""Encryption of DICOM's own protocol: whose certificates are trusted, and which is ours."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

__all__ = ["Tls"]


@dataclass(frozen=True)
class Tls:
    """Certificates, all in PEM files.

    Args:
        ca: Of authorities that are trusted, instead of the system's; None for the system's.
        certificate: Ours, with those that lead from it to an authority; a server needs one, a
            client where the server asks for it.
        key: Of our certificate, if it is not in the same file.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def make_client_context(self) -> ssl.SSLContext:
        """Trust servers whose certificate names their host and leads to an authority.

        Raises:
            InputError: If a file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            self._present(context)
        except OSError as error:  # of which SSLError is one
            raise _refuse(error) from error
        return context

    def make_server_context(self) -> ssl.SSLContext:
        """Show our certificate; with authorities named, ask callers for one of theirs.

        Raises:
            InputError: If a file cannot be used, or there is no certificate.
        """
        if self.certificate is None:
            msg = "A server with TLS needs a certificate. Name its PEM file, and that of its key."
            raise InputError(msg)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            self._present(context)
            if self.ca is not None:
                context.load_verify_locations(cafile=self.ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:
            raise _refuse(error) from error
        return context

    def _present(self, context: ssl.SSLContext) -> None:
        if self.certificate is not None:
            # A password would be asked for on the terminal, and a service has none.
            context.load_cert_chain(self.certificate, self.key, password="")


def _refuse(error: OSError) -> InputError:
    return InputError(
        f"The certificates cannot be used ({error}). Name files in PEM format, the key without a "
        "password."
    )
