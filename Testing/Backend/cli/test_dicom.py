"""`atlastumor dicom`: words, what is said to people and programs, exit codes, what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydicom
import pytest

from atlastumor.cli import main
from atlastumor.hospital import Peer, StoreServer, send

from ..hospital.nodes import a_node
from ..hospital.orthanc import MOVE_TITLE, Orthanc, a_free_port, an_orthanc
from ..scans.bodies import a_scan
from ..scans.dicom_series import write_dicom_series

__all__ = ["an_orthanc"]  # a fixture

LIBRARY = Path(__file__).parents[3] / "AtlasTumorLib"


def run(*words: object) -> int:
    return main([str(word) for word in words])


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def a_series(tmp_path: Path) -> list[Path]:
    return write_dicom_series(a_scan(), tmp_path / "ct")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["dicom"], 2),
        (["dicom", "echo"], 2),
        (["dicom", "nonsense", "A@host:1"], 2),
        (["dicom", "echo", "nowhere"], 3),
        (["dicom", "echo", "A@host:1", "--timeout", "0"], 2),
        (["dicom", "echo", "A@localhost:1"], 5),
        (["dicom", "echo", "A@localhost:1", "--ca", "x.pem"], 2),
        (["dicom", "echo", "A@localhost:1", "--tls", "--ca", "x.pem"], 3),
        (["dicom", "echo", "https://me:secret@host/dicom-web"], 3),
        (["dicom", "echo", "https://localhost:1/dicom-web", "--login", "nowhere"], 3),
        (["dicom", "find", "A@localhost:1", "--match", "PatientID"], 2),
        (["dicom", "find", "A@localhost:1", "--level", "image"], 2),
        (["dicom", "find", "A@localhost:1", "--level", "series"], 3),
        (["dicom", "fetch", "A@localhost:1", "-o", "out"], 2),
        (["dicom", "fetch", "A@localhost:1", "--study", "1.2", "-o", "o", "--move-to", "x"], 2),
        (["dicom", "fetch", "http://[::1]:1/x", "--study", "1", "-o", "o", "--move-to", "A:1"], 2),
        (["dicom", "send", "A@localhost:1", "nowhere"], 3),
        (["dicom", "receive", "-o", "out", "--listen", "11112"], 2),
        (["dicom", "receive", "-o", "out", "--listen", "A@192.0.2.1:11112"], 5),
        (["dicom", "receive", "-o", "out", "--tls"], 3),
        (["dicom", "receive", "-o", "out", "--callers", "MUCH TOO LONG A TITLE"], 3),
        (["dicom", "deidentify", "x", "-o", "out"], 2),
        (["dicom", "deidentify", "--key", "k"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)  # fmt: skip
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    words: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(*words) == code

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("atlastumor: ")
    assert output.err.count("\n") == 1
    assert "secret" not in output.err
    assert list(tmp_path.iterdir()) == []


def test_without_its_packages_the_command_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['pynetdicom'] = None; from atlastumor.cli import main; "
        "sys.exit(main(['dicom', 'echo', 'A@localhost:1']))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 4
    assert "pip install 'atlastumor[hospital]'" in done.stderr


def test_a_login_may_come_from_the_environment_and_is_never_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATLASTUMOR_DICOMWEB_LOGIN", "me:secret")

    assert run("dicom", "echo", "https://localhost:1/dicom-web") == 3

    told = capsys.readouterr().err
    assert "A login is one line" in told
    assert "secret" not in told


def test_echo_and_find_speak_to_people_and_to_programs(
    an_orthanc: Orthanc, a_series: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    an_orthanc.forget()
    for address in (an_orthanc.address, an_orthanc.url):
        assert run("dicom", "echo", address) == 0
        assert capsys.readouterr().out.startswith(f"{address} answers (")
        assert run("dicom", "find", address) == 0
        assert "Nothing matches." in capsys.readouterr().err

    send(Peer("localhost", an_orthanc.port, an_orthanc.ae_title), a_series[:1])
    words = ("--match", "PatientID=T-*", "--json-progress")
    assert run("dicom", "find", an_orthanc.address, *words) == 0
    [table] = [one for one in events(capsys.readouterr().out) if one["event"] == "table"]
    [row] = table["rows"]
    assert (row["PatientID"], row["NumberOfStudyRelatedInstances"]) == ("T-1", "1")
    more = ("--level", "series", "--study", row["StudyInstanceUID"])
    assert run("dicom", "find", an_orthanc.address, *more) == 0
    assert "Abdomen" in capsys.readouterr().out


def test_sending_and_fetching_tell_how_far_they_are_and_what_came(
    an_orthanc: Orthanc, a_series: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    an_orthanc.forget()
    study = pydicom.dcmread(a_series[0]).StudyInstanceUID

    assert run("dicom", "send", an_orthanc.address, tmp_path / "ct", "--json-progress") == 0
    told = events(capsys.readouterr().out)
    assert told[-1] == {
        "event": "document",
        "data": {"sent": 12, "failed": [], "decoded": 0},
    }
    assert {one["stage"] for one in told if one["event"] == "progress"} == {"Sending"}

    words = ("--study", study, "-o", tmp_path / "in", "--json-progress")
    assert run("dicom", "fetch", an_orthanc.address, *words) == 0
    result = events(capsys.readouterr().out)[-1]
    assert result["objects"] == 12
    assert [Path(one).is_dir() for one in result["files"]] == [True]

    words = ("--study", study, "--move-to", f"{MOVE_TITLE}:{an_orthanc.move_port}")
    assert run("dicom", "fetch", an_orthanc.address, *words, "-o", tmp_path / "moved") == 0
    assert "Fetched 1 series of 12 objects." in capsys.readouterr().out


def test_what_was_not_taken_is_named_and_ends_in_five(
    a_series: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([0xA900])

    with a_node(store=lambda _event: next(answers, 0)) as peer:
        assert run("dicom", "send", str(peer), *a_series[:3], "--json-progress") == 5

    told = events(capsys.readouterr().out)
    [document] = [one["data"] for one in told if one["event"] == "document"]
    assert document["sent"] == 2
    assert len(document["failed"]) == 1
    assert "A900" in told[-1]["message"]


def test_verbose_logs_name_nobody(
    a_series: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run apart, as the command sets up logging for its whole process."""
    secrets = [pydicom.dcmread(a_series[0])[name].value for name in
               ("PatientID", "StudyInstanceUID", "SOPInstanceUID", "PatientName")]  # fmt: skip
    with StoreServer(tmp_path / "in", print, port=0) as server:
        done = subprocess.run(
            [sys.executable, "-m", "atlastumor", "-v", "dicom", "send",
             f"A@localhost:{server.port}", str(tmp_path / "ct")],
            env=os.environ | {"PYTHONPATH": str(LIBRARY)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    said = done.stderr + capsys.readouterr().err

    assert not [secret for secret in secrets if str(secret) in said]
    assert "Sent 12 of 12" in done.stdout


def test_receiving_tells_of_each_study_and_ends_well_when_it_is_stopped(
    a_series: list[Path], tmp_path: Path
) -> None:
    port = a_free_port()
    words = ["-o", str(tmp_path / "in"), "--listen", f"ATLAS:{port}", "--idle", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "atlastumor", "dicom", "receive", *words, "--json-progress"],
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        listening = json.loads(process.stdout.readline())
        send(Peer("localhost", port, "ATLAS"), a_series)
        study = json.loads(process.stdout.readline())["data"]
        process.send_signal(signal.SIGTERM)
        rest = events(process.stdout.read())
        code = process.wait(30)

    assert f"on port {port}" in listening["message"]
    assert study["objects"] == 12
    assert len(list(Path(study["folder"]).rglob("*.dcm"))) == 12
    assert (code, rest[-1]["studies"]) == (0, 1)


def test_a_key_is_made_once_and_takes_patients_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dicom_series(a_scan(), tmp_path / "ct")

    assert run("dicom", "deidentify", "--new-key", tmp_path / "key") == 0
    assert run("dicom", "deidentify", "--new-key", tmp_path / "key") == 3
    words = ("-o", tmp_path / "out", "--key", tmp_path / "key")
    assert run("dicom", "deidentify", tmp_path / "ct", *words) == 0

    files = list((tmp_path / "out").rglob("*.dcm"))
    assert len(files) == 12
    assert "Phantom" not in str(pydicom.dcmread(files[0]).PatientName)
    assert "De-identified 12 files." in capsys.readouterr().out
