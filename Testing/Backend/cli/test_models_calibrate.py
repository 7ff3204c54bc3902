"""From an imported model to one that runs in 8 bits, by the command alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlastumor.inference.backends.openvino_backend import has_openvino
from atlastumor.models.card import find_card

from ..models.importing.nnunet_mocks import make_trained
from .test_models_import import a_scan_file, run

__all__ = ["a_scan_file"]


@pytest.fixture(autouse=True)
def a_card_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model "mine" among the user's."""
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path / "models"))
    assert run("models", "import", make_trained(tmp_path / "nn"), "--id", "mine") == 0
    return tmp_path / "models" / "mine.json"


@pytest.mark.skipif(not has_openvino(), reason="openvino is not installed")
def test_a_calibrated_model_runs_in_8_bits(
    a_scan_file: Path, a_card_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segment = ("segment", a_scan_file, "--model", "mine", "--precision", "int8", "--device", "cpu")
    assert run(*segment, "-o", tmp_path / "before") == 3
    assert "atlastumor models calibrate mine SCAN" in capsys.readouterr().err
    assert not (tmp_path / "before").exists()

    assert run("models", "calibrate", "mine", a_scan_file) == 0

    assert "convolutions of 'mine' run in 8 bits" in capsys.readouterr().out
    assert run("models", "verify", "mine") == 0
    assert run("models", "show", "mine") == 0
    assert "ranges measured on CT scans with the SHA-256" in " ".join(
        capsys.readouterr().out.split()
    )
    assert run(*segment, "-o", tmp_path / "out") == 0
    record = json.loads((tmp_path / "out" / "result.json").read_text())["provenance"]
    assert record["precision"] == "int8"
    assert any("'mine' ran in 8 bits" in note for note in record["notes"])
    assert a_scan_file.name not in a_card_file.read_text()
    card = find_card("mine")
    assert card.quantization is not None
    assert record_of(a_scan_file) in card.quantization.data


def record_of(scan: Path) -> str:
    from atlastumor.scans import read_scan

    return read_scan(scan).source.sha256[:12]


def test_what_cannot_be_calibrated_is_said(
    a_scan_file: Path, a_card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = a_card_file.read_bytes()

    for words, code, said in (
        (("mine",), 2, "at least one CT"),
        (("nobodys", a_scan_file), 2, "no model 'nobodys'"),
        (("atlastumor-phantom-v0", a_scan_file), 3, "came with this software"),
        (("mine", a_card_file), 3, ""),
        (("mine", "gone.nii.gz"), 3, "gone.nii.gz"),
    ):
        assert run("models", "calibrate", *words) == code, words
        err = capsys.readouterr().err
        assert said in err
        assert len(err.strip().splitlines()) == 1

    assert a_card_file.read_bytes() == before


def test_a_card_that_cannot_be_written_stays_as_it_was(
    a_scan_file: Path,
    a_card_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = a_card_file.read_bytes()

    def fail(_self: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", fail)
    assert run("models", "calibrate", "mine", a_scan_file) == 3

    assert "card of 'mine' cannot be written: Permission denied" in capsys.readouterr().err
    assert a_card_file.read_bytes() == before
    assert sorted(path.suffix for path in a_card_file.parent.iterdir()) == [".json", ".safetensors"]
