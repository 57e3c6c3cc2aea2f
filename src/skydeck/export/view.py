"""View: what a viewer shows, gathered from its state and made into a file. Pure but for reading the source."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from skydeck.core.axis import Axis
from skydeck.core.cancel import Check, never
from skydeck.core.raster import Request
from skydeck.core.style import Style
from skydeck.core.viewport import Viewport
from skydeck.export.cutout import cutout, zarr_zip
from skydeck.export.figure import Rgb, figure_png
from skydeck.export.fits import fits_bytes
from skydeck.export.movie import Kind, movie
from skydeck.fetch import answer, opened
from skydeck.render.colour import paint, table
from skydeck.render.stretch import thresholds
from skydeck.render.ticks import colourbar_ticks
from skydeck.sky.wcs import Celestial
from skydeck.sources import errors_of

MAX_FRAMES = 3000


@dataclass(frozen=True, slots=True)
class View:
    """One plane as it is shown: the request, its axes, how it is coloured, and what is written beside it."""

    request: Request
    axes: tuple[Axis, Axis]
    style: Style
    title: str
    unit: str
    celestial: Celestial | None = None
    swapped: bool = False
    grid: bool = False
    dark: bool = False


def png(view: View, cancelled: Check = never) -> bytes:
    """The picture with axes, title and colour bar."""
    raster = answer(view.request, cancelled)
    steps = thresholds(view.style, raster.values if view.style.stretch == "histogram" else None)
    background = (0, 0, 0) if view.dark else (255, 255, 255)
    return figure_png(
        paint(raster.values, view.style, steps, background)[::-1],
        *view.axes,
        raster.viewport,
        title=view.title,
        unit=view.unit,
        colors=table(view.style.colormap, view.style.reverse),
        ticks=colourbar_ticks(view.style, steps),
        celestial=view.celestial,
        swapped=view.swapped,
        grid=view.grid,
        dark=view.dark,
    )


def cut(view: View, whole: str, cancelled: Check = never) -> xr.Dataset:
    """The cells in view, at the position shown, or at every position along the dimension ``whole``."""
    plane = view.request.plane
    source = opened(plane.source, plane.options)
    ranges = {dim: slice(index, index + 1) for dim, index in plane.fixed if dim != whole}
    for dim, axis, low, high in _spans(view):
        first, last = sorted(float(place) for place in axis.edges.position([low, high]))
        ranges[dim] = slice(max(0, int(np.floor(first + 1e-6))), min(axis.size, int(np.ceil(last - 1e-6))))
    return cutout(source.dataset, plane.variable, ranges)


def fits(view: View, whole: str, cancelled: Check = never) -> bytes:
    """The cells in view as a FITS file."""
    with errors_of(view.request.plane.source):
        return fits_bytes(cut(view, whole), view.request.plane.variable)


def zarr(view: View, whole: str, cancelled: Check = never) -> bytes:
    """The cells in view as a zipped Zarr store."""
    with errors_of(view.request.plane.source):
        return zarr_zip(cut(view, whole))


def film(
    view: View, dim: str, fps: float, kind: Kind, progress: Callable[[int, int], None], cancelled: Check = never
) -> bytes:
    """A movie along ``dim``, up to 3000 frames, in the colours shown."""
    plane = view.request.plane
    size = min(MAX_FRAMES, opened(plane.source, plane.options).dataset.sizes[dim])
    with tempfile.TemporaryDirectory(prefix="skydeck-") as folder:
        path = Path(folder) / f"movie.{kind}"
        made = movie(_frames(view, dim, size), fps, kind, path, lambda count: progress(count, size), cancelled)
        return made.read_bytes()


def _frames(view: View, dim: str, size: int) -> Iterator[Rgb]:
    steps = thresholds(view.style)
    for index in range(size):
        held = tuple((name, index if name == dim else place) for name, place in view.request.plane.fixed)
        raster = answer(replace(view.request, plane=replace(view.request.plane, fixed=held)))
        if view.style.stretch == "histogram":
            steps = thresholds(view.style, raster.values)
        yield _enlarged(paint(raster.values, view.style, steps, (0, 0, 0))[::-1])


def _enlarged(rgb: Rgb, least: int = 400) -> Rgb:
    """Small pictures by a whole number, so that a movie of a small cube can be seen."""
    times = max(1, least // max(rgb.shape[:2]))
    return np.ascontiguousarray(rgb.repeat(times, axis=0).repeat(times, axis=1)) if times > 1 else rgb


def _spans(view: View) -> list[tuple[str, Axis, float, float]]:
    seen: Viewport = view.request.viewport
    (x_axis, y_axis), plane = view.axes, view.request.plane
    return [(plane.x, x_axis, seen.x0, seen.x1), (plane.y, y_axis, seen.y0, seen.y1)]
