"""The real worker, but for the list of published files: SHELF is where they are offered."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atlastumor.cli import main
from atlastumor.models.catalog import methods
from Slicer.offered import offered

methods.list_published = lambda: offered(os.environ["SHELF"])
sys.exit(main())
