"""The types of the NumPy arrays that schedules, plans, records and the engine pass to each other.

Times, counts and indices are whole numbers of 64 bits; only what is drawn at random or fitted is floating point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

type Ints = NDArray[np.int64]
type Floats = NDArray[np.float64]
