"""Cards of small diffusion models: the one that comes with the software, and broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlastumor.errors import CardError, WeightsError
from atlastumor.models.weights import hash_file
from atlastumor.synthesis.diffusion.card import DEFAULT_PAINTER, load_painter_card
from atlastumor.synthesis.diffusion.painter import load_painter
from Backend.synthesis.diffusion.small import write_painter

MEGABYTE = 1 << 20


def test_the_embedded_weights_are_the_ones_that_the_card_means_and_small() -> None:
    card = load_painter_card()
    weights = DEFAULT_PAINTER.parent / card.weights.name

    assert card.id == DEFAULT_PAINTER.stem
    assert weights.stat().st_size == card.weights.bytes <= 12 * MEGABYTE
    assert hash_file(weights) == card.weights.sha256
    assert {"data", "command", "trained"} <= set(card.source)
    assert "Not for clinical use" in card.limits


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"widths": [8, 12, 16]}, "widths must be multiples of 8"),
        ({"widths": [8, 8]}, "widths must have 3 items"),
        ({"extra": 1}, "extra is not a key"),
        ({"limits": ""}, "limits must not be empty"),
        ({"weights": {"file": "../x.safetensors", "sha256": "0" * 64, "bytes": 1}}, "weights.file"),
    ],
)
def test_a_malformed_card_is_refused_by_name_and_key(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    path = write_painter(tmp_path, **change)

    with pytest.raises(CardError, match=rf"small\.json cannot be used: .*{words}"):
        load_painter_card(path)


def test_a_card_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="ascii")

    for name in ("broken.json", "missing.json"):
        with pytest.raises(CardError, match=rf"{name} cannot be read"):
            load_painter_card(tmp_path / name)


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    card = write_painter(tmp_path)
    weights = tmp_path / "small.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    with pytest.raises(WeightsError, match=r"small\.safetensors is not the one that the card"):
        load_painter(card)


def test_missing_weights_are_named_with_what_to_do(tmp_path: Path) -> None:
    card = write_painter(tmp_path)
    (tmp_path / "small.safetensors").unlink()

    with pytest.raises(WeightsError, match=r"small\.safetensors\. Put it beside its card"):
        load_painter(card)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    card = write_painter(tmp_path)
    data = json.loads(card.read_text(encoding="ascii"))
    card.write_text(json.dumps(data | {"widths": [8, 16, 16]}), encoding="ascii")

    with pytest.raises(WeightsError, match="do not fit the network"):
        load_painter(card)
