"""The arrays that travel through the line."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Rgb: TypeAlias = npt.NDArray[np.uint8]
"""uint8, height × width × 3: red, green, blue in 0..255, in the picture's own colour space."""

Mask: TypeAlias = npt.NDArray[np.uint8]
"""uint8, h × w at the network's output size, not the picture's: 0 = background, 255 = subject."""

Rgba: TypeAlias = npt.NDArray[np.uint8]
"""uint8, height × width × 4, C-contiguous: red, green, blue, alpha in 0..255.

The alpha is straight: the colours are not multiplied with it. Where it is 0, so are the colours.
"""

Batch: TypeAlias = npt.NDArray[np.float32]
"""float32, 1 × 3 × side × side (or 1 × side × side × 3): what a network takes."""

Map: TypeAlias = npt.NDArray[np.float32]
"""float32: what a network answers, of any range; 1 × channels × h × w, or h × w of one channel."""
