"""The catalogue as a page of the documentation."""

from __future__ import annotations

from itertools import groupby

from .entries import CatalogEntry, list_entries

__all__ = ["write_table"]

_HEAD = """# Published checkpoints

What `atlastumor models list` knows. None of these files comes with AtlasTumor: with `atlastumor
models fetch ID` it shows the license, asks, and gets the file from its authors; `atlastumor
models show ID` says the rest. Figures are what their authors reported, or others as named: none
was measured by AtlasTumor.

Nothing is asked of the network before you consent (`--yes` in scripts). A connection that breaks
off is gone on with the next time; a file is there whole and checked, or not at all. Proxies are
those of the environment (`https_proxy`, `no_proxy`); `--ca FILE` or `SSL_CERT_FILE` names
certificates to trust beside the system's. Where no hash is published, that of what came is shown,
and you are asked (`--pin` in scripts); it is kept in `pins.json` of the models folder, and any
other refused from then on. What is fetched becomes a model at once. Without a network, download
the file by any means and import it with what the catalogue knows: `atlastumor models import FILE
--card ID`. AtlasTumorSeg does the same under Advanced, Models.

This page is made from `models/catalog/*.json` by `python -m atlastumor.models.catalog >
Resources/Docs/catalog.md`.
"""
_COLUMNS = ("id", "tumors of", "size", "how it comes")


def write_table() -> str:
    """Write the page.

    Returns:
        Markdown: a section and a table for each family.
    """
    families = groupby(list_entries(), key=lambda entry: entry.family)
    return _HEAD + "".join(_write_family(title, tuple(own)) for title, own in families)


def _write_family(title: str, entries: tuple[CatalogEntry, ...]) -> str:
    first = entries[0]
    lines = [
        f"\n## {title}\n",
        f"License: {first.license.title}. {first.license.terms}\n",
        f"Trained on: {first.training_data}\n",
        f"Leakage: {first.leakage}\n",
        _row(_COLUMNS),
        _row(["---"] * len(_COLUMNS)),
        *(_row(_describe(entry)) for entry in entries),
    ]
    figures = [text for entry in entries for text in _list_figures(entry)]
    if figures:
        lines += ["\nReported:\n", *(f"- {text}" for text in figures)]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _describe(entry: CatalogEntry) -> list[str]:
    how = f"weights of the synthesis method `{entry.method}`" if entry.method else entry.importer
    if not entry.method and entry.importer == "none":
        how = f"not importable: {entry.unsupported}"
    size = f"{entry.megabytes} MB" if entry.megabytes else "not known"
    return [f"`{entry.id}`", ", ".join(entry.organs) or "-", size, how]


def _list_figures(entry: CatalogEntry) -> list[str]:
    return [
        f"`{entry.id}`: {row['organ']}, {row['on']}: {row['what']} {row['value']:g} ({row['by']})"
        for row in entry.reported
    ]
