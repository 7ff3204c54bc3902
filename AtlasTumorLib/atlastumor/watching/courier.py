"""Results to a peer: all files of one, or an error that says which were not taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NetworkError, RefusedError

if TYPE_CHECKING:
    from ..hospital.peer import Peer
    from ..hospital.web import Web

__all__ = ["Courier", "list_dicom"]


def list_dicom(folder: Path) -> list[Path]:
    """List the DICOM files of a result; there are none if no such format was asked for."""
    return sorted(folder.rglob("*.dcm"))


class Courier:
    """Sends to one peer; what it has taken of a result is not sent again with the rest.

    Args:
        peer: To whom.
    """

    def __init__(self, peer: Peer | Web) -> None:
        """Keep the address."""
        self._peer = peer
        self._taken: set[tuple[Path, int]] = set()

    def __call__(self, files: Sequence[Path]) -> None:
        """Send files.

        Args:
            files: All of one result.

        Raises:
            InputError: If there are none.
            NetworkError: If the peer cannot be reached, or has not taken all of them.
            RefusedError: If it has refused, for what they are, all that it has not taken.
        """
        from ..hospital import send

        # A new result has files of the same names, written at another time.
        keys = {one: (one, one.stat().st_mtime_ns) for one in files}
        left = [one for one in files if keys[one] not in self._taken]
        sent = send(self._peer, left, n_retries=0)
        if sent.failed:
            msg = f"{len(sent.failed)} of {len(files)} files were not taken: "
            msg += "; ".join(dict.fromkeys(one.reason for one in sent.failed))
            if all(one.is_final for one in sent.failed):
                self._taken.difference_update(keys.values())
                raise RefusedError(msg)
            self._taken.update(keys[one] for one in sent.done)
            raise NetworkError(msg)
        self._taken.difference_update(keys.values())
