"""`atlastumor models` with published models, from the offer to the model, as a user meets them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from atlastumor.cli import main
from atlastumor.models.card import find_card
from atlastumor.models.catalog import entries, find_entry
from Backend.models.shelf import Shelf, a_shelf
from Backend.models.tiny_model import TEMPLATE, make_checkpoint, make_entry


class Keyboard(io.StringIO):
    """Somebody who sits at a terminal and types."""

    def isatty(self) -> bool:
        return True


@dataclass
class Stall:
    """A server with one published model, and where it would go."""

    shelf: Shelf
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def offer(self, **more: object) -> None:
        """Publish the server's content as the model "tiny"."""
        entry = make_entry(self.shelf.address, self.shelf.content, **more)
        self.monkeypatch.setattr(entries, "list_entries", lambda: (entry,))

    def types(self, text: str) -> None:
        self.monkeypatch.setattr("sys.stdin", Keyboard(text))
        self.monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    @property
    def models(self) -> list[str]:
        """What lies openly in the models folder."""
        return sorted(p.name for p in self.folder.glob("[!.]*")) if self.folder.is_dir() else []


@pytest.fixture
def stall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stall]:
    folder = tmp_path / "models"
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(folder))
    with a_shelf() as shelf:
        shelf.content = make_checkpoint()
        made = Stall(shelf, folder, monkeypatch)
        made.offer()
        yield made


def test_a_published_model_is_fetched_and_imported_at_once(
    stall: Stall, capsys: pytest.CaptureFixture[str]
) -> None:
    stall.types("y\n")

    assert main(["models", "fetch", "tiny"]) == 0

    said = capsys.readouterr()
    shown = said.err.partition("Do you consent")[0]
    entry = find_entry("tiny")
    for text in (f"{stall.shelf.address}/w.pt", entry.license.name, entry.leakage):
        assert text in shown
    assert stall.models == ["tiny.json", "tiny.safetensors"]
    assert not list((stall.folder / ".fetched").iterdir())
    assert str(stall.folder / "tiny.json") in said.out
    card = find_card("tiny")
    assert card.title == "Tiny"
    assert entry.leakage in card.limits
    assert main(["models", "fetch", "tiny", "--yes"]) == 0
    assert "tiny is there already" in capsys.readouterr().err
    assert len(stall.shelf.ranges) == 1


def test_who_does_not_consent_causes_no_traffic(stall: Stall) -> None:
    stall.types("n\n")

    assert main(["models", "fetch", "tiny"]) == 130
    assert main(["models", "fetch", "tiny", "--json-progress"]) == 2
    assert not stall.shelf.ranges
    assert not stall.folder.exists()


def test_an_unknown_hash_is_shown_asked_and_pinned(
    stall: Stall, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = find_entry("tiny").files[0].sha256
    stall.offer(sha256="")
    stall.types("y\nn\n")
    assert main(["models", "fetch", "tiny"]) == 130
    assert digest in capsys.readouterr().err
    assert stall.models == []
    assert not [p for p in (stall.folder / ".fetched").rglob("*") if p.is_file()]

    stall.types("y\ny\n")
    assert main(["models", "fetch", "tiny"]) == 0
    assert stall.models == ["pins.json", "tiny.json", "tiny.safetensors"]
    pins = json.loads((stall.folder / "pins.json").read_text(encoding="utf-8"))
    assert pins == {f"{stall.shelf.address}/w.pt": digest}
    assert main(["models", "list"]) == 0


def test_a_pinned_file_that_changed_is_refused_ever_after(
    stall: Stall, capsys: pytest.CaptureFixture[str]
) -> None:
    stall.offer(sha256="")
    assert main(["models", "fetch", "tiny", "--yes"]) == 3
    assert "--pin" in capsys.readouterr().err
    assert not stall.shelf.ranges
    assert main(["models", "fetch", "tiny", "--yes", "--pin"]) == 0
    assert main(["models", "remove", "tiny", "--yes"]) == 0

    stall.shelf.content = make_checkpoint()
    assert main(["models", "fetch", "tiny", "--yes", "--pin"]) == 3
    assert "is not the file that was accepted before" in capsys.readouterr().err
    assert stall.models == ["pins.json"]


@pytest.mark.parametrize("cut", [1, 1000])
def test_a_broken_connection_installs_nothing_and_is_gone_on_with(stall: Stall, cut: int) -> None:
    stall.shelf.breaks_after = cut

    assert main(["models", "fetch", "tiny", "--yes"]) == 3
    assert stall.models == []

    stall.shelf.breaks_after = None
    assert main(["models", "fetch", "tiny", "--yes"]) == 0
    assert stall.shelf.ranges == ["", f"bytes={cut}-"]
    assert stall.models == ["tiny.json", "tiny.safetensors"]


def test_a_file_of_another_network_is_refused_with_the_differences_and_fetched_once(
    stall: Stall, capsys: pytest.CaptureFixture[str]
) -> None:
    stall.shelf.content = make_checkpoint(channels=6)
    stall.offer()

    assert main(["models", "fetch", "tiny", "--yes"]) == 3
    assert "model.0" in capsys.readouterr().err
    assert stall.models == []
    assert main(["models", "fetch", "tiny", "--yes"]) == 3
    assert len(stall.shelf.ranges) == 1


def test_what_cannot_become_a_model_is_not_fetched(
    stall: Stall, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = replace(find_entry("tiny"), importer="none", unsupported="It barks.")
    stall.monkeypatch.setattr(entries, "list_entries", lambda: (entry,))

    assert main(["models", "fetch", "tiny", "--yes"]) == 3
    assert "cannot become a model here. It barks." in capsys.readouterr().err
    assert not stall.shelf.ranges


def test_a_file_is_imported_offline_with_what_the_catalogue_knows(
    stall: Stall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "by_hand.pth"
    path.write_bytes(stall.shelf.content)

    assert main(["models", "import", str(path)]) == 3
    assert "does not say of which network" in capsys.readouterr().err
    assert main(["models", "import", str(path), "--card", "tiny"]) == 0
    assert main(["models", "import", str(path), "--card", "tiny", "--id", "other"]) == 0
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**TEMPLATE, "title": "Own"}), encoding="utf-8")
    assert main(["models", "import", str(path), "--card", str(own)]) == 0
    assert main(["models", "import", str(path), "--card", "spleen"]) == 3
    assert main(["models", "import", str(path), "--label", "tumor"]) == 2

    assert not stall.shelf.ranges
    assert {name for name in stall.models if name.endswith(".json")} == {
        "other.json",
        "own.json",
        "tiny.json",
    }


def test_models_are_verified_and_removed(stall: Stall, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "tiny", "--yes"]) == 0
    capsys.readouterr()
    assert main(["models", "verify", "tiny"]) == 0
    assert "whole" in capsys.readouterr().out

    weights = stall.folder / "tiny.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert main(["models", "verify", "tiny"]) == 3
    said = capsys.readouterr()
    assert "is not the one that the card 'tiny' means" in said.out
    assert "Not as their cards say: tiny" in said.err

    assert main(["models", "remove", "tiny"]) == 2
    stall.types("n\n")
    assert main(["models", "remove", "tiny"]) == 130
    assert stall.models == ["tiny.json", "tiny.safetensors"]
    stall.types("y\n")
    assert main(["models", "remove", "tiny"]) == 0
    assert stall.models == []
    assert main(["models", "remove", "atlastumor-phantom-v0", "--yes"]) == 3


@pytest.mark.usefixtures("stall")
def test_the_license_comes_first_and_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Tiny (tiny)"
    assert lines[2].startswith("license     CC BY-NC-ND 4.0")
    words = [line.split(" ")[0] for line in lines]
    assert words.index("leakage") < words.index("summary") < words.index("file")

    assert main(["models", "show", "tiny", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["name"] == "w.pt"
    assert main(["models", "fetch", "tiny", "--yes"]) == 0
    capsys.readouterr()
    assert main(["models", "show", "tiny"]) == 0
    said = capsys.readouterr().out
    assert said.index("license     CC BY-NC-ND") < said.index("limits ") < said.index("summary ")
    assert "measured    not validated" in said
    assert main(["models", "show"]) == 2
    assert main(["models", "show", "spleen"]) == 2


@pytest.mark.usefixtures("stall")
def test_the_list_can_be_of_one_organ(capsys: pytest.CaptureFixture[str]) -> None:
    def listed(*more: str) -> str:
        assert main(["models", "list", *more]) == 0
        return capsys.readouterr().out

    assert "can be fetched" in next(row for row in listed().splitlines() if "tiny" in row)
    assert "tiny" in listed("--organ", "liver")
    assert "tiny" not in listed("--organ", "uterus")
    assert main(["models", "list", "--organ", "spleen"]) == 2
