"""Weights that others published: where one lies on this computer, or what to do if it does not.

Such files are their authors'. None comes with this software, and none is fetched unless the user
consents to its license and its hash is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.error import URLError

from ..errors import OutputError, UsageError, WeightsError
from ..models.weights import hash_file
from .base import OnStep, ignore_step

__all__ = ["PublishedFile", "fetch_file", "find_file"]

_CONVERTED = ".safetensors"
_CHUNK_BYTES = 1 << 20
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class PublishedFile:
    """One published checkpoint.

    Args:
        method: Key of the method that needs it.
        name: Its file name.
        url: Where its authors offer it.
        license: Under what terms.
        megabytes: About how large it is; 0 where that is not known.
        sha256: Hash of its bytes, hex; empty where it is not known.
    """

    method: str
    name: str
    url: str
    license: str
    megabytes: int = 0
    sha256: str = ""

    @property
    def title(self) -> str:
        """Name and size, for sentences."""
        return f"{self.name} ({self.megabytes} MB)" if self.megabytes else self.name


def find_file(published: PublishedFile, models_dir: Path | None) -> Path:
    """Find a checkpoint in the models folder.

    Args:
        published: Which one; a file of its name that ends in ".safetensors" is taken first.
        models_dir: The folder; None if the user has none.

    Returns:
        The file.

    Raises:
        WeightsError: If it is not there, saying what to fetch from where under which terms; or if
            its hash is not the published one.
    """
    if models_dir is not None:
        path = Path(models_dir) / published.name
        converted = path.with_suffix(_CONVERTED)
        if converted.is_file():
            return converted
        if path.is_file():
            _check_hash(published, hash_file(path) if published.sha256 else "")
            return path
    msg = (
        f"The method '{published.method}' needs weights that do not come with this software: "
        f"{published.title}. Read its license ({published.license}), "
        f"download {published.url} and put it into the models folder."
    )
    raise WeightsError(msg)


def fetch_file(
    published: PublishedFile, models_dir: Path, *, consent: bool, on_step: OnStep = ignore_step
) -> Path:
    """Fetch a checkpoint from its authors into the models folder; what is not theirs is not kept.

    Args:
        published: Which one.
        models_dir: The folder; made if needed.
        consent: Whether the user was shown its license and address, and agreed.
        on_step: Called with the fraction done, as far as the size is known; may raise to stop.

    Returns:
        The file.

    Raises:
        UsageError: If there is no consent.
        WeightsError: If its hash is not known, what came has another, or nothing came.
        OutputError: If it cannot be written.
    """
    if not consent:
        msg = (
            f"{published.title} is not fetched without consent to its license "
            f"({published.license}); its address is {published.url}."
        )
        raise UsageError(msg)
    if not published.sha256:
        msg = (
            f"The hash of {published.name} is not known, so that it could not be checked. "
            f"Download {published.url} yourself and put it into the models folder."
        )
        raise WeightsError(msg)
    target = Path(models_dir) / published.name
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            digest = _download(published, file, on_step)
        _check_hash(published, digest)
        beside.replace(target)
    except OSError as error:
        msg = f"{published.name} cannot be written to the models folder: {error.strerror}."
        raise OutputError(msg) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    return target


def _download(published: PublishedFile, file: BinaryIO, on_step: OnStep) -> str:
    """Copy what an address gives; its SHA-256."""
    digest, done = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(published.url, timeout=_PATIENCE_S) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK_BYTES):
                on_step(done / total if total else 0.0)
                done += len(chunk)
                digest.update(chunk)
                file.write(chunk)
    except (URLError, TimeoutError, ConnectionError) as error:
        msg = f"{published.url} cannot be fetched ({error}). Try again, or download it yourself."
        raise WeightsError(msg) from error
    return digest.hexdigest()


def _check_hash(published: PublishedFile, digest: str) -> None:
    """Raise if a file is known not to be the published one."""
    if published.sha256 and digest != published.sha256:
        msg = (
            f"The weights file {published.name} is not the published one: its SHA-256 is not "
            f"{published.sha256[:12]}…. Download {published.url} again."
        )
        raise WeightsError(msg)
