"""The tutorial on hospital servers, followed word by word with a real one."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pydicom
import pytest

from atlastumor.cli import main
from Backend.hospital.orthanc import Orthanc, run_orthanc
from Backend.inference.kitchen import BORDERS, BOTH, Kitchen, a_scan_of_two_organs
from Backend.scans.dicom_series import write_dicom_series

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "Resources/Docs/hospital.md").read_text(encoding="utf-8")
TUTORIAL = PAGE.split("## Tutorial")[1].split("\n## ")[0]
QUICK = ["--model", "both", "--organs", "liver", "--backend", "torch", "--no-report"]


def commands_for(server: Orthanc, study: str) -> list[list[str]]:
    """The tutorial's commands, with the ports of a test's server and a quick model."""
    blocks = re.findall(r"^```sh\n(.*?)\n```", TUTORIAL, re.MULTILINE | re.DOTALL)
    text = "\n".join(blocks).replace("STUDY_UID", study)
    text = text.replace(":4242", f":{server.port}").replace(":8042", f":{server.web_port}")
    lines = [shlex.split(line) for line in text.splitlines()]
    assert {words[0] for words in lines} == {"atlastumor"}
    return [words[1:] + (QUICK if words[1] == "segment" else []) for words in lines]


def run_example(server: Orthanc) -> None:
    """Run the page's Python with the test's server and patient."""
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    place = f'"localhost", {server.port}, "{server.ae_title}"'
    code = code.replace('"pacs.hospital.org", 104, "PACS"', place).replace('"1234"', '"T-1"')
    exec(compile(code, "hospital.md", "exec"), {})
    assert len(list(Path("scans").rglob("*.dcm"))) == 40


def test_the_tutorial_takes_a_scan_out_of_a_server_and_its_results_back_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("models", "server"):
        (tmp_path / name).mkdir()
    Kitchen(tmp_path / "models", monkeypatch).add_model("both", BOTH, BORDERS)
    files = write_dicom_series(a_scan_of_two_organs(), tmp_path / "ct")
    study = str(pydicom.dcmread(files[0]).StudyInstanceUID)
    [settings] = re.findall(r"^```json\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)

    with run_orthanc(tmp_path / "server", **json.loads(settings)) as server:
        for words in commands_for(server, study):
            assert main(words) == 0, words
        assert server.count() == 42
        run_example(server)

    assert study in capsys.readouterr().out
    modalities = [str(pydicom.dcmread(path).Modality) for path in Path("back").rglob("*.dcm")]
    assert {name: modalities.count(name) for name in modalities} == {"CT": 40, "SEG": 1, "SR": 1}


def test_every_option_that_the_page_names_is_one_of_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    helps = ""
    for action in ("echo", "find", "fetch", "send", "receive", "deidentify"):
        with pytest.raises(SystemExit):
            main(["dicom", action, "--help"])
        helps += capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["segment", "--help"])
    helps += capsys.readouterr().out

    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", PAGE))

    assert named
    assert {option for option in named if not re.search(rf"{option}\b", helps)} == set()
