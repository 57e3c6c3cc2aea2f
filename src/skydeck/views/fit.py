"""Fit: how a plane lies in a frame on screen, and which Viewport a frame asks for. Pure."""

from __future__ import annotations

import math

from skydeck.core.axis import Axis, Uniform
from skydeck.core.viewport import MAX_PIXELS, Viewport

Range = tuple[float, float]
Frame = tuple[int, int]


def fitted(x: Range, y: Range, frame: Frame, equal: bool) -> tuple[Range, Range]:
    """The ranges that show all of ``x`` × ``y`` (low, high) in a frame of pixels.

    ``equal`` keeps one unit as long along both axes, by widening the range that has room.
    """
    width, height = frame
    if not equal or width < 1 or height < 1:
        return x, y
    scale = max((x[1] - x[0]) / width, (y[1] - y[0]) / height)
    return _about(x, scale * width), _about(y, scale * height)


def zoomed(span: Range, factor: float) -> Range:
    """A range ``factor`` times as long about the same middle."""
    return _about(span, (span[1] - span[0]) * factor)


def _about(span: Range, length: float) -> Range:
    middle = (span[0] + span[1]) / 2
    return middle - length / 2, middle + length / 2


def viewport_of(x_axis: Axis, y_axis: Axis, x: Range, y: Range, frame: Frame, resolution: int = 1) -> Viewport | None:
    """What to ask for so as to fill the part of a frame that lies over data; None where none does.

    ``x`` and ``y`` are the frame's ranges (low, high), ``resolution`` how many screen pixels share one number. Where
    cells are larger than pixels, one number a cell is asked for, on the cells' own edges.
    """
    across = _span(x_axis, x, frame[0] // resolution)
    up = _span(y_axis, y, frame[1] // resolution)
    if across is None or up is None:
        return None
    return Viewport(across[0], across[1], up[0], up[1], across[2], up[2])


def _span(axis: Axis, shown: Range, pixels: int) -> tuple[float, float, int] | None:
    low, high = max(shown[0], axis.limits[0]), min(shown[1], axis.limits[1])
    if not low < high or pixels < 1:
        return None
    share = max(1, min(MAX_PIXELS, math.ceil(pixels * (high - low) / (shown[1] - shown[0]) - 1e-9)))
    if not isinstance(axis.edges, Uniform):
        return low, high, share
    first, last = sorted(float(position) for position in axis.edges.position([low, high]))
    first, last = max(0, math.floor(first + 1e-9)), min(axis.size, math.ceil(last - 1e-9))
    if last - first > share or last <= first:
        return low, high, share
    edges = sorted(float(edge) for edge in axis.edges.at([first, last]))
    return edges[0], edges[1], last - first
