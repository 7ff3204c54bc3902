"""Reads hostile files in a process of its own, whose memory and time are limited.

Run with the folder of the files: prints one line of JSON for each, in their order.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from atlastumor.errors import AtlasTumorError
from atlastumor.models.card import load_card
from atlastumor.models.importing import import_model
from atlastumor.models.importing.documents import read_yaml
from atlastumor.models.reading.pickles import read_plain_pickle
from atlastumor.models.schema import parse_json

MOST_BYTES = 1_500_000_000
MOST_SECONDS = 600


def import_(path):
    """Do what `atlastumor models import` does; whatever it ends in, nothing may stay behind."""
    models = path.parent / "models"
    inside = Path(tempfile.gettempdir())
    try:
        import_model(path, models)
    finally:
        left = [found.name for folder in (models, inside) for found in folder.glob("*")]
        assert not left, f"left behind: {left}"


READERS = {
    "archive": import_,
    "card": load_card,
    "checkpoint": import_,
    "document": lambda path: parse_json(path.read_text(encoding="utf-8")),
    "pickle": read_plain_pickle,
    "table": read_yaml,
}


def judge(path, kind):
    """The class and message of the error that reading ends in, seconds, and bytes of memory."""
    start = time.process_time()
    try:
        READERS[kind](path)
        error, message = None, "was read"
    except (AtlasTumorError, ValueError) as raised:
        error, message = type(raised).__name__, str(raised)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"error": error, "message": message, "s": time.process_time() - start, "peak": peak}


def main():
    folder = Path(sys.argv[1])
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, used + MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    for title, kind, name in json.loads((folder / "list.json").read_text()):
        verdict = judge(folder / name, kind)
        print(json.dumps({"title": title, **verdict}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
