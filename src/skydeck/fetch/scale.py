"""Scale: limits that suit a whole cube, from a small sample of its planes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skydeck.core.cancel import Check, never
from skydeck.core.raster import Plane, Request
from skydeck.core.style import Limits
from skydeck.core.viewport import Viewport
from skydeck.fetch.answer import answer
from skydeck.fetch.opened import opened
from skydeck.reduce.limits import limits_of

PLANES = 8


def cube_limits(
    plane: Plane, dim: str, how: Limits, frame: tuple[int, int], cancelled: Check = never
) -> tuple[float, float]:
    """Limits of up to 8 planes spread evenly along ``dim`` ("" for the plane alone), each whole in a frame of
    width × height pixels.

    Cells are averaged on those pixels, as they are when the whole plane is shown there.
    """
    source = opened(plane.source, plane.options)
    x_axis, y_axis = source.plane_axes(plane)
    view = Viewport(*x_axis.limits, *y_axis.limits, min(frame[0], x_axis.size), min(frame[1], y_axis.size))
    size = source.dataset.sizes.get(dim, 1)
    places = np.unique(np.linspace(0, size - 1, min(size, PLANES)).round().astype(int))
    held = [(name, index) for name, index in plane.fixed if name != dim]
    planes = [replace(plane, fixed=(*held, (dim, int(place)))) for place in places] if dim else [plane]
    values = [answer(Request(one, view, preview=True), cancelled).values.ravel() for one in planes]
    return limits_of(np.concatenate(values), how)
