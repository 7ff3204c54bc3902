"""The catalogue: checkpoints that others published, as data; none comes with this software.

One JSON file per family, bounded by `schema.json`: where its files lie, under which terms, how its
network sees a scan and what its channels mean, what its authors reported, what it was trained on.
Adding a family is adding a file. Needs neither torch nor scipy.
"""

from __future__ import annotations

from .entries import CatalogEntry, Terms, find_entry, list_entries, make_card
from .methods import describe_purpose, find_published, list_needed, list_published

__all__ = [
    "CatalogEntry",
    "Terms",
    "describe_purpose",
    "find_entry",
    "find_published",
    "list_entries",
    "list_needed",
    "list_published",
    "make_card",
]
