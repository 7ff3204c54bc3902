from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from atlastumor.errors import InputError
from atlastumor.scans import read_scan

from .bad_inputs import BAD_INPUTS


@pytest.mark.parametrize(
    ("build", "expected"),
    [pytest.param(build, expected, id=sentence) for sentence, build, expected in BAD_INPUTS],
)
def test_a_bad_input_is_refused_in_one_line_and_leaves_nothing_behind(
    build: object,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    inputs, scratch = tmp_path / "input", tmp_path / "scratch"
    inputs.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = build(inputs)

    with pytest.raises(InputError) as caught:
        read_scan(path)

    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert str(tmp_path) not in message
    assert len(message) < 400
    assert caught.value.exit_code == 3
    assert list(scratch.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_table_of_bad_inputs_has_no_sentence_twice() -> None:
    sentences = [sentence for sentence, _, _ in BAD_INPUTS]

    assert len(sentences) == len(set(sentences))
    assert len(sentences) > 140
