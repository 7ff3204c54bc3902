"""Run in the worker's interpreter: which packages work there? Imports nothing of Slicer.

`python CheckPackages.py torch=torch>=2.6 monai=monai>=1.5` prints one "result" event of `Jobs`,
with a sentence for each package that does not serve. A package counts as there only if it can be
imported: an interrupted installation leaves folders behind that merely look like one.
"""

import importlib
import importlib.metadata
import json
import sys

from packaging.requirements import Requirement


def find_fault(module: str, requirement: str) -> str | None:
    """Say why a package does not serve; None if it does."""
    wanted = Requirement(requirement)
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return "is not installed"
    if not wanted.specifier.contains(version, prereleases=True):
        return f"is too old: {version}, {wanted.specifier} is needed"
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a broken package raises what it likes
        return f"cannot be imported: {error}"
    if getattr(loaded, "__file__", None) is None:
        return "is incomplete: an installation was interrupted"
    return None


def main(pairs: list[str]) -> None:
    """Check every `module=requirement` and print the event."""
    faults = {}
    for pair in pairs:
        module, _, requirement = pair.partition("=")
        fault = find_fault(module, requirement)
        if fault:
            faults[requirement] = fault
    sys.stdout.write(json.dumps({"event": "result", "faults": faults}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
