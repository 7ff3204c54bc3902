"""The tutorial on training, followed word by word on scans that are small enough for a test."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np

from atlastumor.collections import read_cohort
from Backend.cotraining.tiny_cohort import AFFINE, INPUT, NETWORK, make_volumes

REPOSITORY = Path(__file__).resolve().parents[2]
TUTORIAL = (REPOSITORY / "Resources/Docs/training.md").read_text(encoding="utf-8")
SMALL = {
    "network": NETWORK,
    "input": INPUT,
    "patch": [16, 16, 16],
    "steps": 5,
    "precision": "fp32",
    "workers": 0,
}


def write_scans(folder: Path) -> None:
    """Six scans as the tutorial describes them."""
    folder.mkdir()
    for n in range(1, 7):
        hu, drawn = make_volumes(n, tumor=n <= 2)
        numbers = np.array([0, 5, 3, 27] if n <= 3 else [0, 5, 0, 5], np.uint8)
        nibabel.save(nibabel.Nifti1Image(hu, AFFINE), folder / f"case{n}.nii.gz")
        labels = nibabel.Nifti1Image(numbers[drawn], AFFINE)
        nibabel.save(labels, folder / f"case{n}_labels.nii.gz")


def follow(command: str, folder: Path) -> None:
    name, *words = shlex.split(command)
    assert name == "atlastumor"
    done = subprocess.run(
        [sys.executable, "-m", "atlastumor", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "AtlasTumorLib"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_tutorial_leads_from_six_scans_to_a_model_that_segments_one(tmp_path: Path) -> None:
    write_scans(tmp_path / "my-scans")
    [config] = re.findall(r"^```json\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^```sh\n(.*?)\n```", TUTORIAL, re.MULTILINE | re.DOTALL)
    (tmp_path / "config.json").write_text(json.dumps({**json.loads(config), **SMALL}))

    for command in commands:
        follow(command, tmp_path)

    assert [command.split()[1] for command in commands] == ["collect", "train", "segment"]
    known = {case.id: case.annotated for case in read_cohort(tmp_path / "cohort.json").cases}
    assert len(known) == 6
    assert known["my-scans/case1"].organs == {"liver", "kidney"}
    assert known["my-scans/case5"].organs == known["my-scans/case5"].tumors == {"liver"}
    listed = re.findall(
        r"`([\w.-]+\.\w+)`", TUTORIAL.split("| in `my-model/` |")[1].split("\n\n")[0]
    )
    written = {path.name for path in (tmp_path / "my-model").rglob("*")}
    assert set(listed) <= written
    assert list((tmp_path / "result").glob("*labels*.nii.gz"))


def test_the_tutorial_names_every_key_of_a_configuration() -> None:
    schema = REPOSITORY / "AtlasTumorLib/atlastumor/cotraining/config_schema.json"
    properties = json.loads(schema.read_text(encoding="utf-8"))["properties"]
    keys = {*properties, *properties["synthetic"]["properties"]}

    assert {key for key in keys if f"`{key}`" not in TUTORIAL} == set()
