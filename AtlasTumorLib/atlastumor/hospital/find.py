"""What a DICOM node or a DICOMweb server holds: C-FIND and QIDO-RS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pynetdicom.presentation import build_context

from ..errors import InputError, NetworkError, UnknownKeyError
from ..scans.dicom_headers import lenient_pydicom
from .associations import associate
from .peer import Peer
from .statuses import SUCCESS, explain_status, is_pending
from .web import Web
from .web_client import open_client

__all__ = ["LEVELS", "Match", "find", "make_query"]

Match = dict[str, str]
"""Keywords of DICOM elements and their values as text; several are joined by a backslash."""

LEVELS: dict[str, tuple[str, ...]] = {
    "patient": ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    "study": (
        "StudyInstanceUID",
        "StudyDate",
        "StudyDescription",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedInstances",
        "AccessionNumber",
        "PatientID",
        "PatientName",
    ),
    "series": (
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
        "StudyInstanceUID",
    ),
}
"""What can be asked for, and what is told of each."""

_PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
_STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_MESSAGE = 1
_UID = re.compile(r"[\w.-]{1,64}", re.ASCII)  # more than DICOM allows, as some servers do
_MOST = 10_000


def find(
    where: Peer | Web, level: str, keys: Mapping[str, str] | None = None, *, limit: int = 1000
) -> list[Match]:
    """Ask what there is.

    Args:
        where: Whom.
        level: Of `LEVELS`; "patient" for DICOM nodes only.
        keys: What must match, by keyword; `*` and `?` stand for any letters, dates may be ranges
            as `20200101-20201231`. At level "series", "StudyInstanceUID" must be among them.
        limit: Most answers, 1 to 10,000.

    Returns:
        Matches in the order in which they came, with the keywords of the level and of the keys.

    Raises:
        InputError: If a key is no DICOM keyword or is missing.
        NetworkError: If nobody answers, or refuses.
    """
    keys = dict(keys or {})
    _check(level, keys, limit)
    names = list(dict.fromkeys((*LEVELS[level], *keys)))
    if isinstance(where, Web):
        datasets = _search(where, level, keys, limit)
    else:
        datasets = _ask(where, level, {name: keys.get(name, "") for name in names}, limit)
    with lenient_pydicom():  # whose warnings would tell values of patients
        return [{name: _text(dataset, name) for name in names} for dataset in datasets]


def _check(level: str, keys: Mapping[str, str], limit: int) -> None:
    if level not in LEVELS:
        raise UnknownKeyError("level", level, LEVELS)
    for name in keys:
        if tag_for_keyword(name) is None:
            msg = f"'{name}' is no DICOM keyword. Write it as in PatientID or StudyDate."
            raise InputError(msg)
    if level == "series" and not _UID.fullmatch(keys.get("StudyInstanceUID", "")):
        came = f", not '{keys['StudyInstanceUID']}'" if keys.get("StudyInstanceUID") else ""
        msg = f"Series are looked for within a study. Name its StudyInstanceUID{came}."
        raise InputError(msg)
    if not 1 <= limit <= _MOST:
        msg = f"The limit is {limit}; give 1 to {_MOST}."
        raise InputError(msg)


def _ask(peer: Peer, level: str, keys: Mapping[str, str], limit: int) -> list[Dataset]:
    """Ask a DICOM node."""
    model = _PATIENT_ROOT_FIND if level == "patient" else _STUDY_ROOT_FIND
    query = make_query(level, keys)
    found: list[Dataset] = []
    with associate(peer, [build_context(model)]) as association:
        answers: Iterator[tuple[Dataset, Dataset | None]] = association.send_c_find(
            query, model, msg_id=_MESSAGE
        )
        for answer, match in answers:
            status = answer.get("Status")
            if status is None:
                raise NetworkError(_say_silent(peer))
            if not is_pending(status):
                if status != SUCCESS and len(found) < limit:
                    msg = f"{peer} could not look for it: {explain_status(status)}."
                    raise NetworkError(msg)
                break
            if match is None:
                msg = f"{peer} sent an answer that cannot be read. Ask who runs it."
                raise NetworkError(msg)
            if len(found) < limit:
                found.append(match)
                if len(found) == limit:
                    association.send_c_cancel(_MESSAGE, query_model=model)
    return found


def make_query(level: str, keys: Mapping[str, str]) -> Dataset:
    """Make what a DICOM node is asked.

    Args:
        level: Of `LEVELS`.
        keys: Values by keyword; empty ones ask for the value.

    Returns:
        The query's identifier.
    """
    query = Dataset()
    query.QueryRetrieveLevel = level.upper()
    query.SpecificCharacterSet = "ISO_IR 192"
    with lenient_pydicom():  # wildcards break the rules of many values
        for name, value in keys.items():
            setattr(query, name, [] if dictionary_VR(name) == "SQ" else value)
    return query


def _say_silent(peer: Peer) -> str:
    return (
        f"{peer} broke off, or did not answer within {peer.timeout_s:g} s. Try again, or wait "
        "longer."
    )


def _search(web: Web, level: str, keys: Mapping[str, str], limit: int) -> list[Dataset]:
    """Ask a DICOMweb server."""
    if level == "patient":
        msg = "DICOMweb servers list studies and series, not patients. Look for studies."
        raise InputError(msg)
    filters: dict[str, Any] = dict(keys)
    more: dict[str, Any] = {"fields": list(LEVELS[level]), "limit": limit}
    with open_client(web) as client:
        if level == "study":
            found = client.search_for_studies(search_filters=filters, **more)
        else:
            study = filters.pop("StudyInstanceUID")
            found = client.search_for_series(study, search_filters=filters, **more)
    try:
        with lenient_pydicom():
            return [Dataset.from_json(one) for one in found[:limit]]
    except Exception as error:  # pydicom raises whatever foreign values run it into
        msg = f"{web} sent an answer that cannot be read. Ask who runs it."
        raise NetworkError(msg) from error


def _text(dataset: Dataset, name: str) -> str:
    try:
        value = dataset.get(name)
    except Exception:  # noqa: BLE001 - pydicom raises whatever a foreign value runs it into
        return ""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) or hasattr(value, "append"):
        return "\\".join(str(part) for part in value)
    return str(value)
