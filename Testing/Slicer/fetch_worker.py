"""The real worker, but for the list of published files: SHELF is where they are offered."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atlastumor.cli import main
from atlastumor.synthesis import catalog
from Slicer.offered import offered

catalog.list_published = lambda: offered(os.environ["SHELF"])
sys.exit(main())
