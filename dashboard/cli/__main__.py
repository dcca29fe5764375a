"""``python -m dashboard.cli``, where ``gridboard`` is not installed."""

import sys

from dashboard.cli import main

sys.exit(main())
