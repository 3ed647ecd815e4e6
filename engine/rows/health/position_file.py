"""Row positions on disk: rising numbers from 0, in a .npy file of which any page is read at once."""

from pathlib import Path

import numpy as np

from engine.rows.health.fingerprints import Positions


def write(path: Path, positions: Positions) -> None:
    np.save(path, positions.astype(np.int64), allow_pickle=False)


def read(path: Path) -> Positions:
    """All of them, without reading the file: pages of it are fetched when they are looked at."""
    positions: Positions = np.load(path, mmap_mode="r" if path.stat().st_size > 4096 else None, allow_pickle=False)
    return positions
