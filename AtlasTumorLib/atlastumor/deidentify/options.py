"""What is kept of a patient's files, and the key that replacements are made with."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, OutputError

__all__ = ["DeidentifyOptions", "identify_key", "make_key"]

_MIN_BYTES = 32
_MAX_BYTES = 4096


@dataclass(frozen=True)
class DeidentifyOptions:
    """How DICOM files are de-identified: the basic profile, with these options of it.

    Args:
        key_file: Whoever has it can tell which replacement belongs to which original, so it stays
            with the user. The same key gives the same replacements.
        retain_dates: Keep dates, shifted by a number of days that the key gives each patient, and
            times; otherwise both are replaced.
        retain_device: Keep what identifies the scanner.
        clean_descriptors: Keep of descriptions the words that are known to describe scans;
            otherwise they are removed.
    """

    key_file: Path
    retain_dates: bool = False
    retain_device: bool = False
    clean_descriptors: bool = False

    def read_key(self) -> bytes:
        """Read the key.

        Raises:
            InputError: If the file cannot be read or is no key.
        """
        try:
            with self.key_file.open("rb") as file:
                key = file.read(_MAX_BYTES + 1).strip()
        except OSError as error:
            msg = (
                f"The key file '{self.key_file.name}' cannot be read ({error.strerror}). Make one "
                "with `atlastumor dicom deidentify --new-key FILE`, and keep it."
            )
            raise InputError(msg) from error
        if not _MIN_BYTES <= len(key) <= _MAX_BYTES:
            msg = (
                f"The key file '{self.key_file.name}' holds {len(key)} bytes; a key has "
                f"{_MIN_BYTES} to {_MAX_BYTES}. Make one with "
                "`atlastumor dicom deidentify --new-key FILE`."
            )
            raise InputError(msg)
        return key


def identify_key(key_file: Path) -> str:
    """Give the hash of a key, hex, by which runs with one key are told from runs with another.

    Args:
        key_file: The key file.

    Raises:
        InputError: If it cannot be read or is no key.
    """
    return hashlib.sha256(b"identity\0" + DeidentifyOptions(key_file).read_key()).hexdigest()


def make_key(path: Path) -> Path:
    """Make a new random key that only its owner may read.

    Args:
        path: The file; an existing one is never replaced, since it is the only way back.

    Returns:
        The file.

    Raises:
        OutputError: If it exists or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        msg = f"No key can be written to '{path}': {error.strerror}. Name a new file."
        raise OutputError(msg) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
    return path
