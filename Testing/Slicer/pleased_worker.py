"""The real worker, but for its critic, which finds a tumor of the organ wherever it looks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atlastumor.cli import main, studio
from Backend.batch.critics import Pleased

studio._Desk._make_critic = lambda _desk: Pleased()
sys.exit(main())
