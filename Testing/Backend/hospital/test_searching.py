"""Searches and retrievals that fail half way, or are cut short."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.events import Event

from atlastumor.errors import InputError, NetworkError
from atlastumor.hospital import Peer, fetch, find
from Backend.hospital.nodes import a_node

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"


def _one_series(_event: Event, n: int = 2) -> Iterator[tuple[int, Any]]:
    match = Dataset()
    match.QueryRetrieveLevel, match.SeriesInstanceUID, match.Modality = "SERIES", "1.2.3", "CT"
    match.StudyInstanceUID, match.NumberOfSeriesRelatedInstances = "1.2", n
    yield 0xFF00, match


def _with_models(entity: AE) -> None:
    entity.add_supported_context(FIND)
    entity.add_supported_context(GET)


def test_a_failed_search_is_told_with_its_status() -> None:
    def fail(_event: Event) -> Iterator[tuple[int, Any]]:
        yield 0xC001, None

    with (
        a_node(find=fail, prepare=_with_models) as peer,
        pytest.raises(NetworkError, match="C001"),
    ):
        find(peer, "study")


def test_a_search_ends_at_its_limit_and_says_so_to_the_node() -> None:
    told = threading.Event()

    def endless(event: Event) -> Iterator[tuple[int, Any]]:
        match = Dataset()
        match.QueryRetrieveLevel, match.StudyInstanceUID = "STUDY", "1.2"
        while True:
            if event.is_cancelled:
                told.set()
                yield 0xFE00, None
                return
            yield 0xFF00, match

    with a_node(find=endless, prepare=_with_models) as peer:
        assert len(find(peer, "study", limit=5)) == 5
    assert told.is_set()


def test_a_search_that_hangs_is_given_up() -> None:
    def hang(_event: Event) -> Iterator[tuple[int, Any]]:
        time.sleep(1.5)
        yield 0x0000, None

    with (
        a_node(find=hang, prepare=_with_models, timeout_s=0.4) as peer,
        pytest.raises(NetworkError, match="did not answer within"),
    ):
        find(peer, "study")


def test_keys_and_levels_are_checked_before_anybody_is_asked() -> None:
    nobody = Peer("127.0.0.1", 1, "X")
    for level, keys, words in (
        ("image", {}, "no level 'image'"),
        ("study", {"Name": "x"}, "'Name' is no DICOM keyword"),
        ("series", {}, "Name its StudyInstanceUID"),
        ("series", {"StudyInstanceUID": "../x"}, "Name its StudyInstanceUID, not"),
    ):
        with pytest.raises(InputError, match=words):
            find(nobody, level, keys)
    with pytest.raises(InputError, match="limit is 0"):
        find(nobody, "study", limit=0)


def _giving(files: list[Path], n_first: int) -> Any:
    """A node that gives fewer than it announces, the first time."""
    calls = iter([n_first])

    def give(_event: Event) -> Iterator[Any]:
        n = next(calls, len(files))
        yield n
        for path in files[:n]:
            yield 0xFF00, pydicom.dcmread(path)

    return give


def test_a_node_without_c_get_is_told(tmp_path: Path) -> None:
    def finding_alone(entity: AE) -> None:
        entity.add_supported_context(FIND)

    with (
        a_node(find=_one_series, prepare=finding_alone) as peer,
        pytest.raises(NetworkError, match="offers no C-GET"),
    ):
        fetch(peer, tmp_path / "a", studies=["1.2"], n_retries=0)
    assert list(tmp_path.iterdir()) == []


def test_wildcards_and_odd_uids_may_be_asked_for() -> None:
    asked: list[Dataset] = []

    def note(event: Event) -> Iterator[tuple[int, Any]]:
        asked.append(event.identifier)
        yield 0x0000, None

    with a_node(find=note, prepare=_with_models) as peer:
        find(
            peer, "study", {"StudyInstanceUID": "*", "StudyDate": "2020*", "PatientName": "M?ller*"}
        )

    assert str(asked[0].PatientName) == "M?ller*"


def test_values_that_break_their_rules_are_told_as_they_came() -> None:
    def answer(_event: Event) -> Iterator[tuple[int, Any]]:
        match = Dataset()
        match.QueryRetrieveLevel, match.PatientID = "PATIENT", "T-1"
        match.add_new("PatientBirthDate", "LO", "15 June 1947")
        match.add_new("PatientName", "LO", "A" * 60)
        yield 0xFF00, match

    def patients(entity: AE) -> None:
        entity.add_supported_context("1.2.840.10008.5.1.4.1.2.1.1")

    with a_node(find=answer, prepare=patients) as peer:
        [row] = find(peer, "patient")

    assert row["PatientID"] == "T-1"
    assert row["PatientBirthDate"] in {"15 June 1947", ""}
    assert row["PatientName"] == "A" * 60


def test_a_series_that_comes_in_part_is_asked_for_again(
    a_series: list[Path], tmp_path: Path
) -> None:
    for path in a_series[:2]:
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.2.3"
        dataset.save_as(path)

    with (
        a_node(find=_one_series, get=_giving(a_series[:2], 1), prepare=_with_models) as peer,
        pytest.raises(NetworkError, match="sent 1 of 2 objects"),
    ):
        fetch(peer, tmp_path / "a", studies=["1.2"], n_retries=0)
    with a_node(find=_one_series, get=_giving(a_series[:2], 1), prepare=_with_models) as peer:
        fetched = fetch(peer, tmp_path / "b", studies=["1.2"], n_retries=1)

    assert fetched.n_objects == 2
    assert not (tmp_path / "a").exists()
