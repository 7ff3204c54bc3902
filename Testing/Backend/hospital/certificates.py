"""An authority of a test's own, and a certificate of it for this computer."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Certificates", "make_certificates"]


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority's, and a certificate for `localhost` with its key."""

    ca: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path, name: str = "localhost") -> Certificates:
    """Make them with openssl, good for a day."""
    ours = Certificates(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")
    ca_key, request, extra = folder / "ca.key", folder / "request.pem", folder / "extra.cnf"
    extra.write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _run("req", "-x509", *curve, "-days", "1", "-subj", "/CN=Test authority",
         "-addext", "keyUsage=critical,keyCertSign", "-keyout", ca_key,
         "-out", ours.ca)  # fmt: skip
    _run("req", *curve, "-subj", f"/CN={name}", "-keyout", ours.key, "-out", request)
    _run("x509", "-req", "-in", request, "-CA", ours.ca, "-CAkey", ca_key, "-days", "1",
         "-set_serial", "1", "-extfile", extra, "-out", ours.certificate)  # fmt: skip
    return ours


def _run(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
