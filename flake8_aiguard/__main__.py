"""Makes ``python -m flake8_aiguard`` the command ``flake8-aiguard``."""

import sys

from flake8_aiguard.cli import main

sys.exit(main())
