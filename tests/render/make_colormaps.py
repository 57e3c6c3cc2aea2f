"""Write src/skydeck/render/colormaps.npz anew: ``python tests/render/make_colormaps.py``.

The maps come from matplotlib (viridis and its kin: CC0) and colorcet (Kovesi's: CC-BY), 256 colours each. They are
kept as data because importing the two costs the server 80 MB and most of a second.
"""

from pathlib import Path

import colorcet
import matplotlib
import numpy as np

from skydeck.render.colour import COLORMAPS

TARGET = Path(__file__).parents[2] / "src/skydeck/render/colormaps.npz"
_MATPLOTLIB = {"heat": "gist_heat", "gray": "gray"}  # colorcet's gray doesn't end white


def original(name: str) -> np.ndarray:
    """The 256 colours of a map as its own library has them, (256, 3) uint8."""
    texts = None if name in _MATPLOTLIB else colorcet.palette.get(name)
    if texts is not None and len(texts) == 256:
        return np.array([list(bytes.fromhex(text.lstrip("#"))) for text in texts], np.uint8)
    chosen = matplotlib.colormaps[_MATPLOTLIB.get(name, name)]
    return np.asarray(chosen(np.linspace(0, 1, 256), bytes=True), np.uint8)[:, :3]


if __name__ == "__main__":
    np.savez_compressed(TARGET, **{name: original(name) for names in COLORMAPS.values() for name in names})
