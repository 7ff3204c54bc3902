"""The service in a hospital: studies come by C-STORE, results go back to a real server."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification

from atlastumor.hospital import Peer, send
from atlastumor.volume import Grid, Scan
from Backend.hospital.orthanc import Orthanc, a_free_port
from Backend.scans.bodies import a_body
from Backend.scans.dicom_series import write_dicom_series
from Backend.watching.process import Watching, watching

PATIENTS = {
    "first": {
        "PatientName": "Quixote^Alonso",
        "PatientID": "PAT4815162342",
        "PatientBirthDate": "19470615",
        "AccessionNumber": "ACC7731904",
        "ReferringPhysicianName": "Dulcinea^Aldonza",
        "InstitutionName": "Toboso General",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.11111",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.22222",
        "StudyDescription": "Windmill trauma",
    },
    "second": {
        "PatientName": "Panza^Sancho",
        "PatientID": "PAT9988776655",
        "PatientBirthDate": "19500101",
        "AccessionNumber": "ACC1029384",
        "ReferringPhysicianName": "Carrasco^Sanson",
        "InstitutionName": "Barataria Clinic",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.33333",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.44444",
        "StudyDescription": "Donkey ride",
    },
}

NOT_YET = ("The service is starting.", "The model is not open yet.")


def write_patient(folder: Path, name: str) -> Path:
    """The study of a patient who could be told by many a value."""
    hu = a_body((24, 22, 14))
    scan = Scan(hu, Grid(hu.shape, np.diag([-4.0, -4.0, 5.0, 1.0])))

    def change(dataset: Any, _k: int) -> None:
        for keyword, value in PATIENTS[name].items():
            setattr(dataset, keyword, value)

    write_dicom_series(scan, folder / name, change=change)
    return folder / name


def find_patients(text: str) -> list[str]:
    """Every value of a patient's that a text holds, also in parts."""
    values = [
        part
        for patient in PATIENTS.values()
        for value in patient.values()
        for part in {value, *value.replace("^", " ").split(" ")}
        if len(part) > 3
    ]
    return [value for value in values if value.lower() in text.lower()]


def port_of(service: Watching, port: int) -> Peer:
    service.until(lambda: service.ready().get("ok"))
    return Peer("127.0.0.1", port, "ATLAS", timeout_s=30)


@pytest.mark.slow
def test_studies_come_in_and_results_go_back_and_nobody_is_named(
    tmp_path: Path, an_orthanc: Orthanc, a_models_folder: Path
) -> None:
    an_orthanc.forget()
    port = a_free_port()
    words = ("--listen", f"ATLAS:{port}", "--send-to", an_orthanc.address)
    with watching(tmp_path / "out", a_models_folder, *words) as service:
        service.until(lambda: service.ask("/health")[0] == 200)
        status, text = service.ask("/ready")
        assert status == 503
        assert json.loads(text)["reasons"][0] in NOT_YET
        peer = port_of(service, port)
        assert service.ask("/ready")[0] == 200

        studies = [write_patient(tmp_path, name) for name in PATIENTS]
        with ThreadPoolExecutor(2) as pool:
            sent = list(pool.map(lambda study: send(peer, [study]), studies))
        assert not any(one.failed for one in sent)
        service.until(lambda: service.counts().get("running"))
        service.kill_worker()
        service.until(lambda: an_orthanc.count() == 4)
        service.until(lambda: service.ready()["unsent"] == 0)

        for patient in PATIENTS.values():
            found = [
                tags
                for one in an_orthanc.ask("/instances")
                if (tags := an_orthanc.ask(f"/instances/{one}/simplified-tags"))["PatientID"]
                == patient["PatientID"]
            ]
            assert sorted(tags["Modality"] for tags in found) == ["SEG", "SR"]
            assert {tags["StudyInstanceUID"] for tags in found} == {patient["StudyInstanceUID"]}

        send(peer, [studies[0]])
        time.sleep(2)
        assert service.counts() == {"waiting": 0, "running": 0, "done": 2, "quarantined": 0}
        assert service.metric("atlastumor_sends_total") == 2
        assert service.metric("atlastumor_worker_restarts_total") == 1
        assert service.metric("atlastumor_ready") == 1
        assert service.end() == 0
        assert service.events[-2:] == ["stopping", "stopped"]
        assert service.events.count("segmented") == 2
        assert find_patients(service.log) == []
        assert find_patients(" ".join(service.heard)) == []
    names = " ".join(str(path) for path in (tmp_path / "out").rglob("*"))
    assert find_patients(names) == []


class Archive:
    """A peer that can be switched off and on, and what it was sent."""

    def __init__(self) -> None:
        self.port = a_free_port()
        self.got: list[str] = []
        self._entity: AE | None = None

    @property
    def address(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"

    def switch_on(self) -> None:
        def keep(event: Any) -> int:
            self.got.append(str(event.request.AffectedSOPInstanceUID))
            return 0x0000

        self._entity = AE(ae_title="ARCHIVE")
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(str(context.abstract_syntax))
        self._entity.add_supported_context(Verification)
        handlers: list[Any] = [(evt.EVT_C_STORE, keep)]
        self._entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def switch_off(self) -> None:
        if self._entity is not None:
            self._entity.shutdown()


@pytest.fixture
def archive() -> Iterator[Archive]:
    archive = Archive()
    archive.switch_on()
    yield archive
    archive.switch_off()


@pytest.mark.slow
def test_killed_in_a_case_and_the_peer_away_there_is_one_result_and_it_arrives(
    tmp_path: Path, archive: Archive, a_models_folder: Path
) -> None:
    port, patient = a_free_port(), write_patient(tmp_path, "first")
    words = ("--listen", f"ATLAS:{port}", "--send-to", archive.address)
    for n in range(9):  # the case may end before it is seen, or before the signal comes
        out = tmp_path / f"out{n}"
        with watching(out, a_models_folder, *words) as service:
            send(port_of(service, port), [patient])
            service.until(lambda: service.counts().get("running") or service.counts().get("done"))
            service.end(9)
        if not list((out / "cases").iterdir()):
            break
    archive.switch_off()
    if n:
        archive.got.clear()  # results of those that came too late
    assert not list((out / "cases").iterdir())

    with watching(out, a_models_folder, *words) as service:
        service.until(lambda: service.counts().get("done") == 1)
        service.until(lambda: service.metric("atlastumor_sends_failed_total") >= 1)
        service.until(lambda: service.ready()["unsent"] == 1)
        told = service.ready()
        assert (told["ok"], told["peer_answers"]) == (True, False)

        archive.switch_on()
        service.until(lambda: service.ready()["unsent"] == 0)
        assert service.ready()["peer_answers"]
        assert service.end() == 0
        assert service.events[0] == "peer_silent"
        assert find_patients(service.log) == []

    assert len(archive.got) == len(set(archive.got)) == 2
    assert len(list((out / "cases").iterdir())) == 1
    assert not (out / ".staging").exists()
    with sqlite3.connect(out / "journal.sqlite") as journal:
        assert journal.execute("SELECT state, failures FROM cases").fetchall() == [("done", 0)]
    journal.close()
