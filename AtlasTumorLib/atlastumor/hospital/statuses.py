"""What one DICOM node tells another in a number.

Source: DICOM PS3.4 B.2.3 (Table B.2-1), C.4; PS3.7 Annex C.
"""

from __future__ import annotations

__all__ = [
    "MISMATCH",
    "NOT_UNDERSTOOD",
    "OUT_OF_RESOURCES",
    "SUCCESS",
    "explain_status",
    "is_final",
    "is_pending",
    "is_stored",
    "may_pass",
]

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
NOT_UNDERSTOOD = 0xC000

_SINGLE = {
    0x0110: "it failed to process the request",
    0x0111: "it has another instance with this UID",
    0x0112: "it has no such instance",
    0x0117: "it does not accept the instance's UID",
    0x0122: "it does not support this kind of object",
    0x0124: "it does not allow this to us",
    0x0211: "it does not know this operation",
    0x0212: "it could not read the request",
    0xA701: "it is out of resources to count the matches",
    0xA702: "it is out of resources to send the images",
    0xA801: "it does not know where to send the images; tell it our AE title, address and port",
    0xFE00: "the operation was canceled",
}
_FINAL = {0x0111, 0x0117, 0x0122}
_RANGES = (
    (0xA700, 0xA7FF, "it is out of resources, such as disk space"),
    (0xA900, 0xA9FF, "the data do not match their kind"),
    (0xB000, 0xBFFF, "it did so in part only"),
    (0xC000, 0xCFFF, "it cannot understand or process the data"),
)


def is_stored(status: int) -> bool:
    """Tell whether an instance was stored, if with changes to its elements."""
    return status == SUCCESS or 0xB000 <= status <= 0xBFFF


def is_pending(status: int) -> bool:
    """Tell whether more is to come."""
    return status in {0xFF00, 0xFF01}


def may_pass(status: int) -> bool:
    """Tell whether trying again later may help."""
    return (OUT_OF_RESOURCES <= status <= 0xA7FF and status != 0xA801) or status == 0x0110


def is_final(status: int) -> bool:
    """Tell whether an instance was refused for what it is, so that trying again does not help.

    That is so of the errors of Table B.2-1 (data set does not match SOP class, cannot understand),
    and of a UID or a kind of object that the other node does not take. Missing permissions and
    whatever else may be a setting are not final.
    """
    return status in _FINAL or MISMATCH <= status <= 0xA9FF or NOT_UNDERSTOOD <= status <= 0xCFFF


def explain_status(status: int) -> str:
    """Say what a status means, for a sentence whose subject is the other node.

    Args:
        status: As it came.

    Returns:
        Words, and the number in hexadecimal.
    """
    text = _SINGLE.get(status) or next(
        (words for low, high, words in _RANGES if low <= status <= high), "it answered"
    )
    return f"{text} (status {status:04X})"
