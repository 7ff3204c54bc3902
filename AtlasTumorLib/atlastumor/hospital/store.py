"""C-STORE: objects to a DICOM node, over as few associations as its limits allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from .associations import MOST_CONTEXTS, associate
from .instances import Instance
from .peer import Peer
from .statuses import explain_status, is_final, is_stored, may_pass
from .syntaxes import UNCOMPRESSED

__all__ = ["Outcome", "store_at_peer"]

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_SLOWEST_BYTES_PER_S = 50_000
_LAST_MESSAGE = 65_535


@dataclass(frozen=True)
class Outcome:
    """What became of one object.

    Args:
        instance: Which.
        is_stored: Whether the other node has it.
        reason: Why not.
        may_pass: Whether to try again.
        is_changed: Whether it went decoded.
        is_final: Whether it was refused for what it is, so that it will be again.
    """

    instance: Instance
    is_stored: bool
    reason: str = ""
    may_pass: bool = False
    is_changed: bool = False
    is_final: bool = False


def store_at_peer(
    peer: Peer, instances: Sequence[Instance], *, transcode: bool
) -> Iterator[Outcome]:
    """Send objects by C-STORE.

    Args:
        peer: To whom.
        instances: What.
        transcode: Whether to decode compressed pixels for a node that does not take them as they
            are.

    Yields:
        One outcome for each object as it is answered; none for those left when the other node
        breaks off.

    Raises:
        NetworkError: If no association can be opened.
    """
    for group in _divide(instances):
        with associate(peer, _make_contexts(group)) as association:
            for number, instance in enumerate(group):
                outcome = _store(association, peer, instance, number, transcode=transcode)
                if outcome is None:
                    break
                yield outcome


def _divide(instances: Sequence[Instance]) -> Iterator[list[Instance]]:
    """Divide objects so that the contexts of each part fit into one association."""
    group: list[Instance] = []
    kinds: set[tuple[str, str]] = set()
    for one in sorted(instances, key=_kind_of):
        kinds.add(_kind_of(one))
        if len(kinds) > MOST_CONTEXTS // 2:
            yield group
            group, kinds = [], {_kind_of(one)}
        group.append(one)
    yield group


def _kind_of(instance: Instance) -> tuple[str, str]:
    return instance.sop_class, instance.transfer_syntax


def _make_contexts(instances: Sequence[Instance]) -> list[PresentationContext]:
    """Propose each kind as it is stored, and uncompressed, so that it shows what would be taken."""
    kinds = dict.fromkeys(_kind_of(one) for one in instances)
    plain = dict.fromkeys(sop_class for sop_class, _ in kinds)
    return [
        *(build_context(sop_class, syntax) for sop_class, syntax in kinds),
        *(build_context(sop_class, list(_PLAIN)) for sop_class in plain),
    ]


def _store(
    association: Association, peer: Peer, instance: Instance, number: int, *, transcode: bool
) -> Outcome | None:
    """Send one object; None if the other node broke off."""
    association.dimse_timeout = peer.timeout_s + instance.n_bytes / _SLOWEST_BYTES_PER_S
    try:
        what, is_changed = _prepare(association, instance, transcode=transcode)
    except _NotTakenError as error:
        return Outcome(instance, is_stored=False, reason=str(error), is_final=True)
    except Exception as error:  # noqa: BLE001 - pydicom raises whatever foreign bytes run it into
        return Outcome(instance, is_stored=False, reason=_say_damaged(error))
    try:
        answer = association.send_c_store(what, msg_id=number % _LAST_MESSAGE + 1)
    except RuntimeError:  # the other node has broken off
        return None
    except (ValueError, AttributeError, OSError) as error:
        return Outcome(instance, is_stored=False, reason=_say_damaged(error))
    if "Status" not in answer:
        return None
    status = int(answer.Status)
    return Outcome(
        instance,
        is_stored=is_stored(status),
        reason="" if is_stored(status) else explain_status(status),
        may_pass=may_pass(status),
        is_changed=is_changed,
        is_final=is_final(status),
    )


class _NotTakenError(Exception):
    """The other node accepted no way to send an object."""


def _prepare(
    association: Association, instance: Instance, *, transcode: bool
) -> tuple[Path | Dataset, bool]:
    """Choose how an object goes: its file as it is, or read; and whether it had to be decoded."""
    accepted = {
        str(context.transfer_syntax[0])
        for context in association.accepted_contexts
        if context.abstract_syntax == instance.sop_class
    }
    if instance.is_whole and instance.transfer_syntax in accepted:
        return instance.path, False
    if not accepted:
        name = UID(instance.sop_class).name
        msg = f"it does not take objects of this kind ({name})"
        raise _NotTakenError(msg)
    is_plain = instance.transfer_syntax in UNCOMPRESSED
    if not is_plain and instance.transfer_syntax not in accepted and not transcode:
        name = UID(instance.transfer_syntax).name
        msg = f"it does not take pixels compressed as {name}; they can be decoded if you say so"
        raise _NotTakenError(msg)
    dataset = instance.read()
    is_changed = not is_plain and instance.transfer_syntax not in accepted
    if is_changed:
        dataset.decompress(generate_instance_uid=False)
    return dataset, is_changed


def _say_damaged(error: Exception) -> str:
    return f"it was not asked, as the file cannot be sent ({type(error).__name__})"
