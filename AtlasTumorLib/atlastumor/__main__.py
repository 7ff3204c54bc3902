"""`python -m atlastumor`: the command, where no script is installed (inside Slicer)."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
