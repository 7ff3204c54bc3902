"""Replacements that follow from a key: the same original always becomes the same replacement.

All are keyed hashes (HMAC, RFC 2104), so that nobody without the key can find the original by
trying, as is easy with patient numbers and plain hashes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

__all__ = ["Pseudonyms"]

_REGISTERED = "1.2.840.10008."  # DICOM's own: classes, syntaxes, well-known frames of reference
_MAX_DAYS = 3650


class Pseudonyms:
    """Gives replacements by one key."""

    def __init__(self, key: bytes) -> None:
        """Take the key.

        Args:
            key: Secret bytes.
        """
        self._key = key

    def uid(self, uid: str) -> str:
        """Replace a UID.

        Args:
            uid: The original.

        Returns:
            A UID derived from a UUID of version 8 (DICOM PS3.5 B.2, RFC 9562), at most 44
            characters; the original if DICOM itself has registered it, or it is empty.
        """
        if not uid or uid.startswith(_REGISTERED):
            return uid
        number = bytearray(self._hash("uid", uid)[:16])
        number[6] = number[6] & 0x0F | 0x80
        number[8] = number[8] & 0x3F | 0x80
        return f"2.25.{uuid.UUID(bytes=bytes(number)).int}"

    def patient(self, patient: str) -> str:
        """Name a patient.

        Args:
            patient: What identifies the patient.

        Returns:
            Letters and digits, fit for name and ID.
        """
        return "AT" + base64.b32encode(self._hash("patient", patient)[:10]).decode("ascii")

    def shift_days(self, patient: str) -> int:
        """Choose by how many days a patient's dates move back.

        Args:
            patient: What identifies the patient.

        Returns:
            1 to 3650.
        """
        return 1 + int.from_bytes(self._hash("days", patient)[:8], "big") % _MAX_DAYS

    def _hash(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256)
