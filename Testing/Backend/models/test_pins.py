"""Hashes that the user accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlastumor.errors import WeightsError
from atlastumor.models.card import list_cards
from atlastumor.models.pins import find_digest, pin_digest
from Backend.models.shelf import offer

DIGEST = "ab" * 32


def test_what_was_accepted_is_remembered_by_address(tmp_path: Path) -> None:
    first, second = offer("https://a.org", sha256=""), offer("https://b.org", sha256="")
    assert find_digest(first, tmp_path) == ""

    pin_digest(first, tmp_path, DIGEST)
    pin_digest(second, tmp_path, "cd" * 32)

    assert find_digest(first, tmp_path) == DIGEST
    assert find_digest(offer("https://c.org", sha256=""), tmp_path) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["pins.json"]
    assert list_cards([tmp_path]) == list_cards()


def test_a_published_hash_comes_before_an_accepted_one(tmp_path: Path) -> None:
    published = offer("https://a.org")
    pin_digest(published, tmp_path, DIGEST)

    assert find_digest(published, tmp_path) == published.sha256


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"https://a.org/w.pt": "short"}', '{"a": 1, "a": 2}', "[" * 5000, "x" * 1_000_001],
)
def test_what_is_no_list_of_hashes_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pins.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(WeightsError, match=r"accepted hashes in '.*pins\.json' cannot be read"):
        find_digest(offer("https://a.org", sha256=""), tmp_path)
    with pytest.raises(WeightsError, match="cannot be read"):
        pin_digest(offer("https://a.org", sha256=""), tmp_path, DIGEST)
    assert path.read_text(encoding="utf-8") == text


def test_a_pin_is_plain_json(tmp_path: Path) -> None:
    pin_digest(offer("https://a.org"), tmp_path, DIGEST)

    text = (tmp_path / "pins.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"https://a.org/w.pt": DIGEST}
