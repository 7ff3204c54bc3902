"""`python -m atlastumor`: the command, where no script is installed (inside Slicer)."""

import sys

if __name__ == "__main__":  # worker processes import this file, and need none of it
    from .cli import main

    sys.exit(main())
