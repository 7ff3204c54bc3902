from __future__ import annotations

from pathlib import Path

import pytest

from atlastumor.cli import main

from .places import touch, write_series


def test_a_list_shows_every_series_with_what_decided_it_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "in/1", 1, description="Mueller^Hans")
    write_series(tmp_path / "in/2", 2, lambda one: setattr(one, "ConvolutionKernel", "B70f"))
    touch(tmp_path / "in/a.nii.gz")
    touch(tmp_path / "in/a_seg.nii.gz")

    out = tmp_path / "out"
    assert main(["batch", str(tmp_path / "in"), "-o", str(out), "--list", "--device", "cpu"]) == 0

    said = capsys.readouterr()
    assert "Left out as labels or results: 1, such as 'a_seg.nii.gz'." in said.err
    rows = [line.split("  ") for line in said.out.splitlines()]
    decided = {row[-1].strip() for row in rows}
    assert {"before series 2: kernel", "after series 1: kernel"} <= decided
    assert "Mueller" not in said.out + said.err
    assert not out.exists()
