"""Cube: the made-up files that are measured, made once in a cache folder under the temporary one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

SHAPE = (4, 256, 1024, 1024)
NOISES = 16
FITS_SHAPE = (60, 16384, 16384)

Plane = npt.NDArray[np.float32]


def folder() -> Path:
    """Where the files are kept from one run to the next."""
    found = Path(os.environ.get("SKYDECK_BENCH_DIR") or Path(tempfile.gettempdir()) / "skydeck-bench")
    found.mkdir(parents=True, exist_ok=True)
    return found


def zarr_cube() -> Path:
    """STOKES × FREQ × Y × X float32, Zarr v2, one plane a chunk, blosc-lz4: noise and a source that wanders; 3.8 GB."""
    return _once("cube.zarr", _write_zarr)


def sparse_fits() -> Path:
    """60 × 16384 × 16384 float32, 64 GB by its header and its length, next to nothing on the disk: all zeros."""
    return _once("sparse.fits", _write_sparse_fits)


def small_fits() -> Path:
    """4 × 64 × 64 float32: zeros."""
    return _once("small.fits", _write_small_fits)


def _once(name: str, write: object) -> Path:
    """The file of a name; a run that was interrupted leaves one of another name."""
    path, unfinished = folder() / name, folder() / f"unfinished-{name}"
    if not path.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        write(unfinished)  # type: ignore[operator]
        unfinished.rename(path)
    return path


def _write_zarr(path: Path) -> None:
    import zarr
    from numcodecs import Blosc

    root = zarr.open_group(path, mode="w", zarr_format=2)
    cube = root.create_array(
        "cube", shape=SHAPE, chunks=(1, 1, *SHAPE[2:]), dtype="f4", compressors=Blosc("lz4", clevel=5)
    )
    cube.attrs["_ARRAY_DIMENSIONS"] = ["STOKES", "FREQ", "Y", "X"]
    values = (np.arange(SHAPE[0]), np.linspace(900e6, 1670e6, SHAPE[1]), np.arange(1024.0), np.arange(1024.0))
    for name, labels in zip(("STOKES", "FREQ", "Y", "X"), values, strict=True):
        axis = root.create_array(name, shape=labels.shape, dtype=labels.dtype, chunks=labels.shape)
        axis[:] = labels
        axis.attrs["_ARRAY_DIMENSIONS"] = [name]
    root["FREQ"].attrs["units"] = "Hz"
    random = np.random.default_rng(1)
    noises = [random.normal(size=SHAPE[2:]).astype("f4") for _ in range(NOISES)]
    for stokes in range(SHAPE[0]):
        for channel in range(SHAPE[1]):
            cube[stokes, channel] = _plane(noises, stokes, channel)


def _plane(noises: list[Plane], stokes: int, channel: int) -> Plane:
    """Noise, shifted so that no two planes are alike, and a Gaussian source of peak 20 that goes round."""
    noise = noises[(stokes * SHAPE[1] + channel) % NOISES]
    angle = channel / 40 + stokes
    x, y = (np.exp(-(((np.arange(1024) - 512 - 300 * at) / 40) ** 2) / 2) for at in (np.cos(angle), np.sin(angle)))
    made: Plane = (np.roll(noise, (stokes * 31 + channel * 17, channel * 13), (0, 1)) + 20 * np.outer(y, x)).astype(
        "f4"
    )
    return made


def _write_sparse_fits(path: Path) -> None:
    _write_fits(path, FITS_SHAPE)


def _write_small_fits(path: Path) -> None:
    _write_fits(path, (4, 64, 64))


def _write_fits(path: Path, shape: tuple[int, int, int]) -> None:
    cards = {
        "SIMPLE": "T", "BITPIX": "-32", "NAXIS": "3",
        "NAXIS1": str(shape[2]), "NAXIS2": str(shape[1]), "NAXIS3": str(shape[0]),
        "BUNIT": "'Jy/beam '", "CTYPE1": "'RA---SIN'", "CRVAL1": "180.0", "CRPIX1": "8192.5", "CDELT1": "-0.0003",
        "CUNIT1": "'deg     '", "CTYPE2": "'DEC--SIN'", "CRVAL2": "45.0", "CRPIX2": "8192.5", "CDELT2": "0.0003",
        "CUNIT2": "'deg     '", "CTYPE3": "'FREQ    '", "CRVAL3": "1.4E9", "CRPIX3": "1.0", "CDELT3": "1.0E6",
        "CUNIT3": "'Hz      '", "RADESYS": "'ICRS    '",
    }  # fmt: skip
    header = "".join(f"{key:8}= {value:>20}".ljust(80) for key, value in cards.items()) + "END".ljust(80)
    header = header.ljust(-(-len(header) // 2880) * 2880)
    size = len(header) + int(np.prod(shape)) * 4
    with path.open("wb") as file:
        file.write(header.encode())
        file.truncate(-(-size // 2880) * 2880)
