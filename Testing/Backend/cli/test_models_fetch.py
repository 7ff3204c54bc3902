"""`atlastumor models list|fetch` with weights that others published, as a user meets them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlastumor.cli import main
from atlastumor.models.catalog import methods
from Backend.models.shelf import CONTENT, Shelf, a_shelf, offer


class Keyboard(io.StringIO):
    """Somebody who sits at a terminal and types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """One file that can be fetched from here, one whose hash nobody knows, and an empty folder."""
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path / "models"))
    with a_shelf() as server:
        files = (
            offer(server.address),
            offer(server.address, name="unknown.pt", sha256="", method="freetumor"),
        )
        monkeypatch.setattr(methods, "list_published", lambda: files)
        yield server


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, types: str) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(types))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)


@pytest.mark.parametrize("answer", ["y\n", "Yes\n"])
def test_who_consents_to_what_is_shown_gets_the_file(
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    at_a_terminal(monkeypatch, answer)

    assert main(["models", "fetch", "w"]) == 0

    said = capsys.readouterr()
    shown, _, rest = said.err.partition("Do you consent")
    for text in (
        "w.pt, weights of the method 'difftumor' (liver)",
        f"{shelf.address}/w.pt",
        "about 3 MB",
        "CC BY-NC-ND 4.0",
        "Not for commercial use.",
        str(tmp_path / "models"),
    ):
        assert text in shown
    assert "[y/N]" in rest
    assert "Fetching w.pt" in rest
    assert str(tmp_path / "models" / "w.pt") in said.out
    assert (tmp_path / "models" / "w.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yesterday\n"])
def test_any_other_answer_fetches_nothing(
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    at_a_terminal(monkeypatch, answer)

    assert main(["models", "fetch", "w"]) == 130

    assert "Nothing was fetched." in capsys.readouterr().err
    assert not shelf.ranges
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("more", [[], ["--json-progress"]])
def test_where_nobody_can_be_asked_consent_must_be_given_in_words(
    shelf: Shelf, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert main(["models", "fetch", "w.pt", *more]) == 2

    said = capsys.readouterr()
    assert "add --yes if you consent" in said.out + said.err
    assert "CC BY-NC-ND 4.0" in said.out + said.err
    assert not shelf.ranges


def test_programs_hear_progress_and_the_file(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["models", "fetch", "w", "--yes", "--models-dir", str(tmp_path / "own")]

    assert main([*words, "--json-progress"]) == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0]["event"] == "note"
    assert "Not for commercial use." in events[0]["message"]
    assert {one["stage"] for one in events if one["event"] == "progress"} == {"Fetching w.pt"}
    assert events[-1]["event"] == "result"
    assert events[-1]["files"] == [str(tmp_path / "own" / "w.pt")]
    assert (tmp_path / "own" / "w.pt").read_bytes() == CONTENT

    assert main(words) == 0
    assert "w.pt is there already" in capsys.readouterr().err
    assert len(shelf.ranges) == 1


def test_an_altered_file_is_fetched_anew(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "w.pt").write_bytes(b"altered")

    assert main(["models", "fetch", "w", "--yes"]) == 0

    assert "is not the published file" in capsys.readouterr().err
    assert (tmp_path / "models" / "w.pt").read_bytes() == CONTENT
    assert shelf.ranges == [""]


@pytest.mark.parametrize(
    ("names", "code", "says"),
    [
        (["unknown"], 3, "its hash is not known"),
        (["w", "unknown"], 3, "download http://127.0.0.1"),
        (["spleen"], 2, "There is no published model or file 'spleen'"),
        ([], 2, "Name what to fetch"),
    ],
)
def test_what_cannot_be_fetched_is_said_in_one_line_before_anything_is_asked(
    shelf: Shelf, names: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "fetch", *names, "--yes"]) == code

    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not shelf.ranges


def test_a_bad_server_ends_in_one_line(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.breaks_after = 1_000_000

    assert main(["models", "fetch", "w", "--yes"]) == 3

    assert "broke off after 1.0 of 3.2 MB" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "models" / "w.pt").exists()


def test_the_list_says_what_is_there(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith("w.pt") and row.endswith("not there") for row in rows)
    assert any(row.startswith("unknown.pt") and row.endswith("not there") for row in rows)
    assert not shelf.ranges

    assert main(["models", "fetch", "w", "--yes"]) == 0
    assert main(["models", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith("w.pt") and row.endswith(str(tmp_path / "models")) for row in rows)


def test_a_method_without_its_weights_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import nibabel

    from Backend.batch.healthy_folders import save
    from Backend.synthesis.made_case import make_case

    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path / "models"))
    case = make_case((3.0, 3.0, 4.0))
    save(tmp_path / "scan.nii.gz", case.scan)
    image = nibabel.Nifti1Image(case.labels.array, case.scan.grid.affine)
    nibabel.save(image, tmp_path / "labels.nii.gz")
    words = ["synthesize", tmp_path / "scan.nii.gz", "--labels", tmp_path / "labels.nii.gz"]
    words += ["--organ", "liver", "--method", "difftumor", "-o", tmp_path / "out"]

    assert main([str(word) for word in [*words, "--diameter-mm", 24]]) == 3
    assert "'atlastumor models fetch liver_noearly.pt'" in capsys.readouterr().err
    assert main([str(word) for word in [*words, "--diameter-mm", 14]]) == 3
    said = capsys.readouterr().err
    assert (
        "liver_early.pt (290 MB). Fetch it with 'atlastumor models fetch liver_early.pt --pin'"
        in said
    )
    assert str(tmp_path / "models") in said
    assert not (tmp_path / "out").exists()
