"""Stand-ins for Slurm's commands that start jobs on this machine for real."""

from __future__ import annotations

from pathlib import Path

__all__ = ["install_slurm"]

_SBATCH = """#!/bin/sh
case "$1" in
  --test-only)
    if grep -q -- '-p closed' "$2"; then echo 'invalid partition specified: closed' >&2; exit 1; fi
    exit 0;;
esac
number=$(($(cat {folder}/count 2>/dev/null || echo 0) + 1))
echo $number > {folder}/count
cp "$1" {folder}/job-$number.sh
setsid sh {folder}/job-$number.sh > {folder}/job-$number.log 2>&1 &
echo $! > {folder}/job-$number.pid
echo "Submitted batch job $number"
"""
_SCANCEL = """#!/bin/sh
kill -9 -- -$(cat {folder}/job-$1.pid) 2>/dev/null
echo $1 >> {folder}/cancelled
"""


def install_slurm(folder: Path) -> Path:
    """Write the commands into a folder, which is then to come first in PATH."""
    for name, text in (("sbatch", _SBATCH), ("scancel", _SCANCEL)):
        path = folder / name
        path.write_text(text.format(folder=folder))
        path.chmod(0o755)
    return folder
