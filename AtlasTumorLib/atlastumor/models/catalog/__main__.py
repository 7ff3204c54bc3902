"""`python -m atlastumor.models.catalog > Resources/Docs/catalog.md`: the catalogue as a table."""

from __future__ import annotations

import sys

from .table import write_table

sys.stdout.write(write_table())
