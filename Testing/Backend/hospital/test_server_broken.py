"""Objects that are broken in one way each, sent to our own server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom.presentation import build_context

from atlastumor.hospital.associations import associate
from Backend.hospital.listening import CT, listening, offer, raw_bytes


def _without(keyword: str) -> Callable[[Dataset], None]:
    return lambda dataset: delattr(dataset, keyword)


BROKEN: dict[str, tuple[Callable[[bytes], bytes], Callable[[Dataset], None] | None, int]] = {
    "no SOPInstanceUID": (bytes, _without("SOPInstanceUID"), 0xA900),
    "no SOPClassUID": (bytes, _without("SOPClassUID"), 0xA900),
    "no StudyInstanceUID": (bytes, _without("StudyInstanceUID"), 0xA900),
    "no SeriesInstanceUID": (bytes, _without("SeriesInstanceUID"), 0xA900),
    "empty StudyInstanceUID": (
        bytes,
        lambda dataset: setattr(dataset, "StudyInstanceUID", ""),
        0xA900,
    ),
    "cut in the pixels": (lambda content: content[:-900], None, 0xC000),
    "cut in the header": (lambda content: content[:299], None, 0xC000),
    "noise": (lambda _content: b"\xff\x13\x00\x37" * 80, None, 0xC000),
    "a beginning": (lambda _content: b"\x08\x00", None, 0xA900),
    "another UID than announced": (
        bytes,
        lambda dataset: setattr(dataset, "SOPInstanceUID", "1.2.3.4"),
        0xA900,
    ),
    "another kind than announced": (
        bytes,
        lambda dataset: setattr(dataset, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.4"),
        0xA900,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_object_is_refused_by_name_and_the_next_is_kept(
    name: str, tmp_path: Path, a_series: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    spoil, change, expected = BROKEN[name]
    uid = str(pydicom.dcmread(a_series[0]).SOPInstanceUID)

    with listening(tmp_path / "in") as one:
        with associate(one.peer, [build_context(CT, "1.2.840.10008.1.2.1")]) as association:
            refused = offer(association, spoil(raw_bytes(a_series[0], change)), uid=uid)
            kept = offer(association, raw_bytes(a_series[0]), uid=uid)

        assert (refused, kept) == (expected, 0)
        assert one.wait().n_new == 1
    assert len(one.files()) == 1
    assert "An object was refused" in caplog.text
    assert uid not in caplog.text
    assert "Phantom" not in caplog.text


def test_wrong_values_and_localizers_are_kept_as_they_are_for_the_reader_to_judge(
    tmp_path: Path, a_series: list[Path]
) -> None:
    def spoil(dataset: Dataset) -> None:
        dataset.ImageType = ["DERIVED", "LOCALIZER"]
        del dataset["ImagePositionPatient"]
        dataset.add_new("ImagePositionPatient", "LO", "here\\and\\there")

    content = raw_bytes(a_series[0], spoil)
    uid = str(pydicom.dcmread(a_series[0]).SOPInstanceUID)
    with listening(tmp_path / "in") as one:
        with associate(one.peer, [build_context(CT, "1.2.840.10008.1.2.1")]) as association:
            assert offer(association, content, uid=uid) == 0
        one.wait()

    assert one.files()[0].read_bytes().endswith(content)
