"""FITS images and cubes as lazy Datasets, read by section."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Hashable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from skydeck.core.errors import SkydeckError, SourceError
from skydeck.sources.fits_axes import coordinates, dimension_names
from skydeck.sources.fits_cells import ImageCells
from skydeck.sources.fits_hdu import Cards, Hdu, HduInfo, choose, walk
from skydeck.sources.fits_header import header_text, parsed, text
from skydeck.sources.fits_scaling import scaling_of
from skydeck.sources.fits_tiles import TileCells, close_tiles, image_cards, tiling_of
from skydeck.sources.fits_unpack import Progress, first_bytes, packing, unpacked
from skydeck.sources.fits_wcs import World, world_of
from skydeck.sources.lazy import lazy_variable
from skydeck.sources.pread import Pinned, pinned

if TYPE_CHECKING:
    from astropy.io.fits import Header

Path_ = str | os.PathLike[str]


class FitsBackend(BackendEntrypoint):
    """xarray's engine "skydeck-fits": images and cubes of FITS files, .fits.fz and .fits.gz included."""

    description = "FITS images and cubes, read by section"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "hdu", "unpack_cache", "progress")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether a path leads to a FITS file, packed or not, by its first bytes; never raises."""
        return isinstance(filename_or_obj, str | os.PathLike) and is_fits(filename_or_obj)

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        hdu: str | int | None = None,
        unpack_cache: Path | None = None,
        progress: Progress | None = None,
    ) -> xr.Dataset:
        """The chosen HDU as a lazy Dataset: see :func:`open_fits`."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            raise SourceError("A FITS source must be a path", remedy="Save the file first")
        dataset = open_fits(filename_or_obj, hdu, unpack_cache=unpack_cache, progress=progress)
        dropped = [drop_variables] if isinstance(drop_variables, str) else drop_variables or ()
        return dataset.drop_vars(list(dropped), errors="ignore")


def is_fits(path: Path_) -> bool:
    """Whether a file begins as FITS does, after unpacking where it's packed; False where it can't be read."""
    try:
        file = pinned(path)
        start = first_bytes(file, 9) if packing(file) else file.read(0, 9)
    except SkydeckError:
        return False
    return re.match(rb"SIMPLE *=", start) is not None


def list_hdus(path: Path_, *, unpack_cache: Path | None = None, progress: Progress | None = None) -> list[HduInfo]:
    """What a FITS file holds, by its headers alone, at most 2000 HDUs; ends before the first one that is damaged.

    Raises SourceError and its kin for what can't be read or whose first header is unusable.
    """
    found: list[HduInfo] = []
    try:
        found.extend(hdu.info for hdu in walk(unpacked(pinned(path), unpack_cache, progress)))
    except SourceError:
        if not found:
            raise
    return found


def open_fits(
    path: Path_,
    hdu: str | int | None = None,
    *,
    unpack_cache: Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """One image of a FITS file as a lazy Dataset in Skydeck's conventions.

    ``hdu``: an index, an EXTNAME or "NAME,VERSION"; by default the first image of at least two axes, else of one.
    One variable, named for EXTNAME or "image", dimensions in the file's order (last FITS axis first); NaN where a
    cell is BLANK or missing. Packed files are unpacked into ``unpack_cache`` first; ``progress`` hears fractions to 1.
    attrs: ``header``; ``fits_wcs_header`` and ``wcs_dims`` where there is a usable sky; ``wcs_problem``, ``truncated``,
    ``notes`` (lines) where there is something to say. Raises SourceMissing, NotAllowed, SourceError, TooBig.
    """
    file = unpacked(pinned(path), unpack_cache, progress)
    chosen = choose(file, None if hdu is None else str(hdu))
    cards = image_cards(chosen) if chosen.info.kind == "compressed image" else chosen.cards
    header, notes = parsed(cards)
    cells, attributes = _cells(file, chosen, header, notes)
    dataset = _dataset(chosen, cards, header, cells, notes)
    dataset.attrs.update(attributes)
    if notes:
        dataset.attrs["notes"] = "\n".join(dict.fromkeys(notes))
    dataset.encoding["source"] = file.shown
    if isinstance(cells, TileCells):
        dataset.set_close(partial(close_tiles, file, chosen.info.index))
    return dataset


def _cells(file: Pinned, hdu: Hdu, header: Header, notes: list[str]) -> tuple[ImageCells | TileCells, dict[str, str]]:
    """What reads the pixels of an HDU, and attributes that say what isn't there."""
    if hdu.info.kind == "compressed image":
        tiling = tiling_of(file, hdu)
        blank = hdu.integer("ZBLANK", 0) if "ZBLANK" in hdu.keys else None
        scaling = scaling_of(header, hdu.integer("ZBITPIX"), blank, tiling.missing > 0, notes)
        said = f"{tiling.missing} of {len(tiling.places)} tiles are missing or damaged; they are shown as no value"
        return TileCells(file, hdu.info.index, tiling, scaling), {"truncated": said} if tiling.missing else {}
    wanted = hdu.info.data_at + hdu.info.data_bytes
    scaling = scaling_of(header, hdu.integer("BITPIX"), None, file.size < wanted, notes)
    cells = ImageCells(file, hdu.info.data_at, hdu.info.shape, scaling)
    said = f"The file is cut short: {wanted - file.size} bytes of pixels are missing and shown as no value"
    return cells, {"truncated": said} if file.size < wanted else {}


def _dataset(hdu: Hdu, cards: Cards, header: Header, cells: ImageCells | TileCells, notes: list[str]) -> xr.Dataset:
    shape = hdu.info.shape[::-1]
    world = world_of(header, len(shape), notes)
    names = dimension_names(world, len(shape))
    found = coordinates(world, names, shape, notes)
    units = text(header, "BUNIT")
    attributes = {"units": units} if units else {}
    variable = lazy_variable(names[::-1], cells, attributes)
    name = variable_name(hdu.info, {*names, *found})
    return xr.Dataset({name: variable}, found, {"header": header_text(cards), **_sky(world, names)})


def _sky(world: World, names: tuple[str, ...]) -> dict[str, str]:
    """The attributes that say where the image is on the sky, or why that isn't known."""
    if world.problem:
        return {"wcs_problem": world.problem}
    if world.celestial is None:
        return {}
    dims = " ".join(names[axis - 1] for axis in world.celestial)
    return {"fits_wcs_header": world.header_text, "wcs_dims": dims}


def variable_name(info: HduInfo, taken: set[Hashable]) -> str:
    """EXTNAME in lower case as a Python name, or "image"; never one of ``taken``."""
    clean = re.sub(r"\W+", "_", info.name.lower(), flags=re.ASCII).strip("_")
    if not clean or info.name == "PRIMARY" or not clean.isidentifier() or info.name == "COMPRESSED_IMAGE":
        clean = "image"
    return f"{clean}_image" if clean in taken or keyword.iskeyword(clean) else clean
