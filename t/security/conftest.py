# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the suite has beside every suite's: the people of t/api."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../api"))
