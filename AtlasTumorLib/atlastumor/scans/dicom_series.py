"""Which of the series in a folder is the CT to be read."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError, UnknownKeyError
from .dicom_headers import Header, count_images, tag_text
from .gate import MIN_SLICES
from .series import Series

__all__ = [
    "choose_series",
    "describe_series",
    "group_series",
    "is_ct_class",
    "is_ct_image",
    "name_kind",
]

# CT Image, Enhanced CT Image and Legacy Converted Enhanced CT Image Storage (DICOM PS3.4 B.5).
# Secondary captures, reports, segmentations and structure sets have classes of their own.
_CT_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
)
_MAX_LISTED = 10

Groups = dict[str, list[Header]]


def group_series(headers: Sequence[Header]) -> Groups:
    """Group files by series.

    Args:
        headers: Of any files.

    Returns:
        The headers of each SeriesInstanceUID, by UID.
    """
    groups: Groups = {}
    for header in headers:
        groups.setdefault(tag_text(header, "SeriesInstanceUID"), []).append(header)
    return dict(sorted(groups.items()))


def is_ct_class(header: Header) -> bool:
    """Tell whether a file is of a class of CT images, and no localizer."""
    is_localizer = "LOCALIZER" in tag_text(header, "ImageType").upper().split("\\")
    return tag_text(header, "SOPClassUID") in _CT_CLASSES and not is_localizer


def is_ct_image(header: Header) -> bool:
    """Tell whether a file holds CT images that may belong to a volume."""
    return is_ct_class(header) and tag_text(header, "Modality") == "CT"


def describe_series(groups: Groups) -> list[Series]:
    """Describe each series.

    Args:
        groups: Headers by UID.

    Returns:
        One entry per series; a candidate is CT, no localizer, and has slices enough.
    """
    return [_describe(uid, headers) for uid, headers in groups.items()]


def _describe(uid: str, headers: list[Header]) -> Series:
    n_images = sum(count_images(header) for header in headers)
    texts = [tag_text(headers[0], keyword) for keyword in ("Columns", "Rows")]
    sizes = [int(text) if text.isdecimal() else 0 for text in texts]
    n_ct = sum(count_images(header) for header in headers if is_ct_image(header))
    return Series(
        uid=uid,
        description=tag_text(headers[0], "SeriesDescription"),
        modality=tag_text(headers[0], "Modality"),
        n_files=len(headers),
        shape=(sizes[0], sizes[1], n_images if sizes[0] else 0),
        is_candidate=n_ct >= MIN_SLICES,
    )


def choose_series(groups: Groups, wanted: str | None, place: str) -> tuple[str, list[Header]]:
    """Choose the CT series to read.

    Args:
        groups: Headers by UID.
        wanted: A UID or a beginning that only one has; None chooses the only CT volume.
        place: What was searched, quoted for a message.

    Returns:
        The UID and the headers of its CT images.

    Raises:
        InputError: If there is no CT series, or several and none was asked for.
        UnknownKeyError: If none has the UID asked for.
    """
    uids = _match(groups, wanted) if wanted is not None else list(groups)
    images = {uid: [h for h in groups[uid] if is_ct_image(h)] for uid in uids}
    with_ct = [uid for uid in uids if images[uid]]
    if not with_ct:
        raise InputError(_say_no_ct(groups, uids, place))
    volumes = [s.uid for s in describe_series(groups) if s.is_candidate and s.uid in with_ct]
    candidates = volumes or with_ct  # too short a series is refused later, with its own message
    if len(candidates) > 1:
        said = [_say(s) for s in describe_series(groups) if s.uid in candidates]
        listed = "; ".join([*said[:_MAX_LISTED], "..."][: len(said)])
        msg = f"{place} holds {len(candidates)} CT series. Choose one by its UID: {listed}."
        raise InputError(msg)
    return candidates[0], images[candidates[0]]


def _match(groups: Groups, wanted: str) -> list[str]:
    """The UIDs that a user means: the one given, or all that begin so."""
    if wanted in groups:
        return [wanted]
    uids = [uid for uid in groups if wanted and uid.startswith(wanted)]
    if not uids:
        raise UnknownKeyError("DICOM series", wanted, list(groups)[:_MAX_LISTED])
    return uids


def _say(series: Series) -> str:
    name = "".join(c if c.isprintable() else "?" for c in series.description) or "no description"
    return f"{series.uid} ({name}, {series.shape[2]} images)"


def _say_no_ct(groups: Groups, uids: list[str], place: str) -> str:
    found = [name_kind(header) for uid in uids for header in groups[uid]]
    counts = ", ".join(f"{found.count(kind)} {kind}" for kind in sorted(set(found)))
    return f"{place} holds no CT images (found: {counts}). Give the CT series."


def name_kind(header: Header) -> str:
    """Say in a few words what a file is that is no CT image."""
    modality = tag_text(header, "Modality")
    if not modality:
        return "of no modality"
    if modality != "CT":
        return modality
    if tag_text(header, "SOPClassUID") not in _CT_CLASSES:
        return "CT reports or captures"
    return "CT localizer"
