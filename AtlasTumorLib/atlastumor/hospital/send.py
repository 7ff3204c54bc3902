"""Objects from disk to a DICOM node or a DICOMweb server, each accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, NetworkError
from ..progress import Progress, ignore_progress
from .instances import Instance, find_instances
from .peer import Peer
from .store import Outcome, store_at_peer
from .store_web import store_at_web
from .web import Web

__all__ = ["Failure", "Sent", "send"]

_FIRST_PAUSE_S = 0.5
_STAGE = "Sending"


@dataclass(frozen=True)
class Failure:
    """A file that was not sent.

    Args:
        path: The file.
        reason: Why, the other node being the subject of the sentence.
        is_final: Whether it was refused for what it is, so that it will be again.
    """

    path: Path
    reason: str
    is_final: bool = False


@dataclass(frozen=True)
class Sent:
    """What became of files that were to be sent.

    Args:
        done: Files that the other node has said to have stored.
        failed: The others.
        n_changed: How many of the first were decoded to be accepted; the pixels are the same.
    """

    done: tuple[Path, ...]
    failed: tuple[Failure, ...] = ()
    n_changed: int = 0


def send(
    where: Peer | Web,
    paths: Sequence[Path],
    *,
    transcode: bool = False,
    n_retries: int = 2,
    progress: Progress = ignore_progress,
) -> Sent:
    """Send DICOM objects.

    Files go as they are stored. What was not answered, or for want of resources not taken, is sent
    again after a pause; what was refused is not.

    Args:
        where: To whom.
        paths: Files, and folders that are searched, such as a result's.
        transcode: Whether to decode compressed pixels for a node that does not take them as they
            are; DICOMweb servers are sent to as they are.
        n_retries: How many times to try again.
        progress: Told how far the sending is; what it raises ends it.

    Returns:
        What was stored and what not.

    Raises:
        InputError: If there is nothing to send.
        NetworkError: If the other node cannot be reached, refuses all, or breaks off before
            anything was stored.
    """
    if n_retries < 0:
        msg = f"{n_retries} is no number of retries; give 0 or more."
        raise InputError(msg)
    instances = find_instances(paths)
    tally = _Tally(sum(one.n_bytes for one in instances), progress)
    transmit = _choose_way(where, transcode=transcode)
    waiting, trouble = instances, None
    for attempt in range(n_retries + 1):
        if attempt:
            time.sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
        try:
            for outcome in transmit(waiting):
                tally.note(outcome)
        except NetworkError as error:
            trouble = error
        waiting = [one for one in instances if tally.is_open(one)]
        if not waiting:
            break
    if trouble is not None and not tally.outcomes:
        raise trouble
    return tally.sum_up(instances, str(trouble or "it did not answer"))


def _choose_way(
    where: Peer | Web, *, transcode: bool
) -> Callable[[Sequence[Instance]], Iterator[Outcome]]:
    if isinstance(where, Web):
        return lambda instances: store_at_web(where, instances)
    return lambda instances: store_at_peer(where, instances, transcode=transcode)


class _Tally:
    """What became of each file so far."""

    def __init__(self, n_bytes: int, progress: Progress) -> None:
        self.outcomes: dict[Path, Outcome] = {}
        self._n_bytes = max(n_bytes, 1)
        self._progress = progress
        progress(0.0, _STAGE)

    def note(self, outcome: Outcome) -> None:
        self.outcomes[outcome.instance.path] = outcome
        closed = (one.instance.n_bytes for one in self.outcomes.values() if not one.may_pass)
        self._progress(sum(closed) / self._n_bytes, _STAGE)

    def is_open(self, instance: Instance) -> bool:
        outcome = self.outcomes.get(instance.path)
        return outcome is None or outcome.may_pass

    def sum_up(self, instances: Sequence[Instance], otherwise: str) -> Sent:
        done, failed = [], []
        for one in instances:
            outcome = self.outcomes.get(one.path)
            if outcome is not None and outcome.is_stored:
                done.append(one.path)
            elif outcome is not None:
                failed.append(Failure(one.path, outcome.reason, outcome.is_final))
            else:
                failed.append(Failure(one.path, otherwise))
        n_changed = sum(one.is_changed for one in self.outcomes.values())
        return Sent(tuple(done), tuple(failed), n_changed)
