"""Against a real server: what goes in comes back the same, by DICOM's own protocol and by web."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from atlastumor.errors import InputError, NetworkError, OutputError
from atlastumor.hospital import Peer, Web, echo, fetch, find, send
from atlastumor.scans import read_scan
from Backend.hospital.orthanc import MOVE_TITLE, Orthanc
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series, write_enhanced_ct

WAYS = ["get", "move", "web"]


def peer_of(orthanc: Orthanc, **options: str) -> Peer:
    return Peer("localhost", orthanc.port, orthanc.ae_title, **options)  # type: ignore[arg-type]


def both(orthanc: Orthanc) -> list[Peer | Web]:
    return [peer_of(orthanc), Web(orthanc.url)]


def retrieve(orthanc: Orthanc, way: str, folder: Path, study: str, **options: object) -> Path:
    """Fetch a study in one of the ways; the folder."""
    listen = None
    where: Peer | Web = Web(orthanc.url)
    if way == "get":
        where = peer_of(orthanc)
    if way == "move":
        where = peer_of(orthanc, calling_ae_title=MOVE_TITLE)
        listen = ("127.0.0.1", orthanc.move_port)
    fetched = fetch(where, folder, studies=[study], listen=listen, **options)  # type: ignore[arg-type]
    assert fetched.n_objects == len(list(folder.rglob("*.dcm")))
    return fetched.folder


def study_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)


def by_uid(paths: list[Path]) -> dict[str, Dataset]:
    return {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, paths)}


def test_it_answers(an_orthanc: Orthanc) -> None:
    for where in both(an_orthanc):
        assert 0 < echo(where) < 20


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sender", ["peer", "web"])
def test_a_series_comes_back_pixel_for_pixel(
    way: str, sender: str, an_empty_orthanc: Orthanc, a_series: list[Path], tmp_path: Path
) -> None:
    where = both(an_empty_orthanc)[sender == "web"]
    steps: list[float] = []

    sent = send(where, a_series, progress=lambda fraction, _stage: steps.append(fraction))
    folder = retrieve(an_empty_orthanc, way, tmp_path / "back", study_of(a_series[0]))

    assert (len(sent.done), sent.failed) == (12, ())
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    before, after = by_uid(a_series), by_uid(list(folder.rglob("*.dcm")))
    assert before.keys() == after.keys()
    for uid, dataset in before.items():
        assert after[uid] == dataset
        assert after[uid].PixelData == dataset.PixelData
    scan, again = read_scan(tmp_path / "ct"), read_scan(folder)
    np.testing.assert_array_equal(scan.array, again.array)
    np.testing.assert_allclose(scan.grid.affine, again.grid.affine)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed_pixels_travel_as_they_are_stored(
    way: str, syntax: str, an_empty_orthanc: Orthanc, tmp_path: Path
) -> None:
    files = write_dicom_series(a_scan(), tmp_path / "ct", transfer_syntax=syntax)

    send(peer_of(an_empty_orthanc), files[:2])
    folder = retrieve(an_empty_orthanc, way, tmp_path / "back", study_of(files[0]))

    before, after = by_uid(files[:2]), by_uid(list(folder.rglob("*.dcm")))
    assert {one.file_meta.TransferSyntaxUID for one in after.values()} == {syntax}
    assert all(after[uid].PixelData == one.PixelData for uid, one in before.items())


@pytest.mark.parametrize("way", WAYS)
def test_an_enhanced_ct_comes_back(way: str, an_empty_orthanc: Orthanc, tmp_path: Path) -> None:
    file = write_enhanced_ct(a_scan(), tmp_path / "enhanced.dcm")

    send(peer_of(an_empty_orthanc), [file])
    folder = retrieve(an_empty_orthanc, way, tmp_path / "back", study_of(file))

    np.testing.assert_array_equal(read_scan(folder).array, read_scan(file).array)


def test_what_there_is_is_found_by_level_and_key(
    an_empty_orthanc: Orthanc, a_series: list[Path], tmp_path: Path
) -> None:
    write_dicom_series(
        a_scan(),
        tmp_path / "other",
        description="Thorax",
        change=lambda dataset, _k: _rename(dataset, "Müller^Änne", "T-2", "20210303"),
    )
    send(peer_of(an_empty_orthanc), [*a_series[:2], tmp_path / "other"])

    patients = find(peer_of(an_empty_orthanc), "patient")
    assert sorted(one["PatientName"] for one in patients) == ["Müller^Änne", "Test^Phantom"]
    for where in both(an_empty_orthanc):
        studies = find(where, "study", {"PatientID": "T-2"})
        assert [one["StudyDate"] for one in studies] == ["20210303"]
        assert studies[0]["NumberOfStudyRelatedInstances"] == "12"
        assert studies[0]["PatientName"] == "Müller^Änne"
        assert len(find(where, "study", {"StudyDate": "20190101-20201231"})) == 1
        assert len(find(where, "study", limit=1)) == 1
        assert find(where, "study", {"PatientID": "nobody"}) == []
        study = {"StudyInstanceUID": studies[0]["StudyInstanceUID"]}
        series = find(where, "series", study)
        assert [(one["Modality"], one["SeriesDescription"]) for one in series] == [("CT", "Thorax")]
        assert find(where, "series", study | {"Modality": "MR"}) == []


def _rename(dataset: Dataset, name: str, patient: str, date: str) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = name, patient, date


def test_only_the_series_that_are_wanted_are_fetched(
    an_empty_orthanc: Orthanc, tmp_path: Path
) -> None:
    def as_mr(dataset: Dataset, _k: int) -> None:
        dataset.Modality = "MR"

    for name, change in (("a", None), ("b", None), ("mr", as_mr)):
        write_dicom_series(
            a_scan(),
            tmp_path / name,
            study_uid="1.2.3.4",
            series_uid=f"1.2.{ord(name[0])}",
            skip=range(3, 12),
            change=change,
        )
    send(peer_of(an_empty_orthanc), [tmp_path / name for name in ("a", "b", "mr")])

    for n, where in enumerate(both(an_empty_orthanc)):
        ct = fetch(where, tmp_path / f"ct{n}", studies=["1.2.3.4"], modality="CT")
        one = fetch(where, tmp_path / f"one{n}", studies=["1.2.3.4"], series=["1.2.98"])
        assert (ct.n_series, ct.n_objects) == (2, 6)
        assert (one.n_series, one.n_objects) == (1, 3)


@pytest.mark.parametrize("n", [0, 1])
def test_a_study_that_is_not_there_is_said_and_nothing_is_left(
    n: int, an_empty_orthanc: Orthanc, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no such study"):
        fetch(both(an_empty_orthanc)[n], tmp_path / "back", studies=["1.2.3"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(
    an_empty_orthanc: Orthanc, a_series: list[Path], tmp_path: Path
) -> None:
    send(peer_of(an_empty_orthanc), a_series[:1])

    with pytest.raises(OutputError, match="is there already"):
        fetch(peer_of(an_empty_orthanc), tmp_path / "ct", studies=[study_of(a_series[0])])
    assert len(list((tmp_path / "ct").iterdir())) == 12


@pytest.mark.parametrize("way", WAYS)
def test_whoever_stops_it_leaves_nothing_behind(
    way: str, an_empty_orthanc: Orthanc, a_series: list[Path], tmp_path: Path
) -> None:
    send(peer_of(an_empty_orthanc), a_series)

    with pytest.raises(KeyboardInterrupt):
        retrieve(
            an_empty_orthanc,
            way,
            tmp_path / "back",
            study_of(a_series[0]),
            progress=_stop_at(0.3),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["ct"]


def _stop_at(share: float) -> Callable[[float, str], None]:
    def progress(fraction: float, _stage: str) -> None:
        if fraction > share:
            raise KeyboardInterrupt

    return progress


def test_a_node_that_does_not_know_where_to_move_to_is_told_of(
    an_empty_orthanc: Orthanc, a_series: list[Path], tmp_path: Path
) -> None:
    send(peer_of(an_empty_orthanc), a_series[:1])
    stranger = peer_of(an_empty_orthanc, calling_ae_title="NOBODY")

    with pytest.raises(NetworkError, match="sent 0 of 1 objects"):
        fetch(
            stranger,
            tmp_path / "back",
            studies=[study_of(a_series[0])],
            listen=("127.0.0.1", 0),
            n_retries=0,
        )


def test_files_without_their_beginning_are_sent_as_what_they_are(
    an_empty_orthanc: Orthanc, a_series: list[Path], tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(a_series[0])
    bare = Dataset({tag: dataset[tag] for tag in dataset.keys()})  # noqa: SIM118
    bare.save_as(tmp_path / "bare.dcm", implicit_vr=False, little_endian=True)

    for n, where in enumerate(both(an_empty_orthanc)):
        an_empty_orthanc.forget()
        assert len(send(where, [tmp_path / "bare.dcm"]).done) == 1
        back = fetch(where, tmp_path / f"{n}", studies=[study_of(a_series[0])]).folder
        assert by_uid(list(back.rglob("*.dcm")))[dataset.SOPInstanceUID] == dataset
