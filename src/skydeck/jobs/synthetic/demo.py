"""Demo: the simulated sources that ``skydeck demo`` shows, made once."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from skydeck.core.errors import SettingsError

log = logging.getLogger(__name__)

VERSION = 1  # another number where what is made differs: it is made anew, beside the old
STALE = 3600.0  # seconds; making takes some
_HALF = "making-"


def demo_cubes(folder: Path) -> list[Path]:
    """Paths of a spectral cube, an image and a dynamic spectrum in ``folder``, made there where they aren't yet.

    About 80 MB. They are written aside and renamed, so that they are there as a whole or not at all; of two
    processes that make them at once, one uses the other's. Raises SettingsError where the disk doesn't take them.
    """
    made = folder / f"v{VERSION}"
    try:
        if not _complete(made):
            folder.mkdir(parents=True, exist_ok=True)
            _tidy(folder)
            _make(made)
    except OSError as error:
        raise SettingsError(
            f"The demo's data can't be written to {folder}: {error.strerror or error}",
            expected="150 MB of free disk that may be written to",
            remedy="Set SKYDECK_CACHE_DIR to another directory",
        ) from error
    return [made / name for name in _makers()]


def _makers() -> dict[str, Callable[[Path], None]]:
    from skydeck.jobs.synthetic.galaxy import write_galaxy
    from skydeck.jobs.synthetic.starfield import write_starfield
    from skydeck.jobs.synthetic.sunburst import write_sunburst

    return {"galaxy.zarr": write_galaxy, "mosaic.fits": write_starfield, "sun.zarr": write_sunburst}


def _complete(made: Path) -> bool:
    return all((made / name).exists() for name in _makers())


def _make(made: Path) -> None:
    log.info("Making the demo's data in %s (some seconds, once)", made)
    with TemporaryDirectory(prefix=_HALF, dir=made.parent) as aside:
        half = Path(aside) / made.name
        half.mkdir()
        for name, write in _makers().items():
            write(half / name)
        _put(half, made)


def _put(half: Path, made: Path) -> None:
    """Give a finished directory its name, unless another process was first."""
    try:
        os.rename(half, made)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _complete(made):  # somebody deleted a part of it
            os.rename(made, half.with_name("broken"))
            os.rename(half, made)


def _tidy(folder: Path) -> None:
    """Remove what processes that were killed left half made."""
    for left in folder.glob(f"{_HALF}*"):
        if time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)
