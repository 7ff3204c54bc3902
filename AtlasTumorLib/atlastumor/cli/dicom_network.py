"""`atlastumor dicom echo|find|fetch|send`: what is asked of a server."""

from __future__ import annotations

import argparse
from collections import Counter

from ..errors import NetworkError, UsageError
from .console import Console
from .dicom_address import parse_listen, read_address

__all__ = ["echo", "fetch", "find", "send"]


def echo(options: argparse.Namespace, console: Console) -> None:
    """Ask whether a server answers.

    Args:
        options: Of the command.
        console: Where to report.

    Raises:
        NetworkError: If it does not.
    """
    from ..hospital import echo as ask  # noqa: PLC0415 - pulls in what is optional

    where = read_address(options)
    seconds = ask(where)
    console.say(f"{where} answers ({1000 * seconds:.0f} ms).")
    if console.as_json:
        console.document({"address": str(where), "seconds": round(seconds, 4)})


def find(options: argparse.Namespace, console: Console) -> None:
    """List what a server has.

    Args:
        options: Of the command.
        console: Where to report.

    Raises:
        AtlasTumorError: If keys cannot be used, or the server does not answer.
    """
    from ..hospital import find as ask  # noqa: PLC0415 - pulls in what is optional

    keys = dict(_parse_key(text) for text in options.match)
    if options.study:
        keys["StudyInstanceUID"] = options.study
    matches = ask(read_address(options), options.level, keys, limit=options.limit)
    console.table(matches)
    if not matches:
        console.note("Nothing matches.")
    elif len(matches) == options.limit:
        console.note(f"These are the first {options.limit}; there may be more. See --limit.")


def fetch(options: argparse.Namespace, console: Console) -> None:
    """Retrieve studies.

    Args:
        options: Of the command.
        console: Where to report.

    Raises:
        AtlasTumorError: If there is no such study, the folder cannot be used, or not all came.
    """
    from ..hospital import Web  # noqa: PLC0415 - pulls in what is optional
    from ..hospital import fetch as retrieve  # noqa: PLC0415

    title, listen = None, None
    if options.move_to is not None:
        title, host, port = parse_listen(options.move_to)
        listen = (host, port)
    where = read_address(options, calling=title)
    if listen is not None and isinstance(where, Web):
        msg = "--move-to is for DICOM nodes; a DICOMweb server is asked for what it has."
        raise UsageError(msg)
    fetched = retrieve(
        where,
        options.output,
        studies=options.study,
        series=options.series,
        modality=options.modality,
        listen=listen,
        n_retries=options.retries,
        progress=console.progress,
    )
    console.say(f"Fetched {fetched.n_series} series of {fetched.n_objects} objects.")
    console.result(options.output, sorted(options.output.glob("*/*")), objects=fetched.n_objects)


def send(options: argparse.Namespace, console: Console) -> None:
    """Send files.

    Args:
        options: Of the command.
        console: Where to report.

    Raises:
        AtlasTumorError: If there is nothing to send, or the server has not taken all.
    """
    from ..hospital import send as transmit  # noqa: PLC0415 - pulls in what is optional

    where = read_address(options)
    sent = transmit(
        where,
        options.paths,
        transcode=options.transcode,
        n_retries=options.retries,
        progress=console.progress,
    )
    n_all = len(sent.done) + len(sent.failed)
    console.say(f"Sent {len(sent.done)} of {n_all} objects to {where}.")
    if sent.n_changed:
        console.note(f"{sent.n_changed} went decoded, as they were not taken compressed.")
    failed = [{"file": str(one.path), "reason": one.reason} for one in sent.failed]
    if console.as_json:
        console.document({"sent": len(sent.done), "failed": failed, "decoded": sent.n_changed})
    if sent.failed:
        for one in sent.failed[:20]:
            console.note(f"Not sent: {one.path}: {one.reason}.")
        raise NetworkError(_say_failed(where, [one.reason for one in sent.failed], n_all))


def _say_failed(where: object, reasons: list[str], n_all: int) -> str:
    usual = Counter(reasons).most_common(1)[0][0]
    return f"{where} has not taken {len(reasons)} of {n_all} objects: {usual}."


def _parse_key(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        msg = f"'{text}' is not KEYWORD=VALUE, such as PatientID=1234."
        raise UsageError(msg)
    return name.strip(), value.strip()
