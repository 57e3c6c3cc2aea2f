"""Graticule: lines of equal longitude and latitude over a view, and the labels where they meet its edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError
from skydeck.sky.angle import decimal, dms_fields, hms_fields
from skydeck.sky.frame import GALACTIC, ICRS, SkyFrame, convert
from skydeck.sky.wcs import Celestial

Floats = npt.NDArray[np.float64]
FrameChoice = Literal["native", "icrs", "galactic"]
Coordinate = Literal["lon", "lat"]
Lookup = Callable[[npt.ArrayLike, npt.ArrayLike], tuple[Floats, Floats]]

MARGIN = 0.1  # lines go on for this part of the view beyond its edges, so that a small pan shows no bare border
MAX_LINES = 40  # of each coordinate: close to a pole or a fold of the projection a nice step can mean many more
_SAMPLES = 33
_EDGE_SAMPLES = 129
_MINUTES = (30.0, 20.0, 10.0, 5.0, 2.0, 1.0)
_SIXTIETHS = [m / 60 for m in _MINUTES] + [s / 3600 for s in _MINUTES]
_DECADES = [m * 10.0**-e for e in range(1, 12) for m in (5.0, 2.0, 1.0)]
_HOURS = [15 * s for s in [6.0, 4.0, 3.0, 2.0, 1.0, *_SIXTIETHS, *(d / 3600 for d in _DECADES)]]
_DEGREES = [90.0, 45.0, 30.0, 20.0, 10.0, 5.0, 2.0, 1.0, *_SIXTIETHS, *(d / 3600 for d in _DECADES)]
_DECIMALS = [90.0, 60.0, 45.0, 30.0, 20.0, 10.0, 5.0, 2.0, 1.0, *_DECADES]


@dataclass(frozen=True, slots=True)
class Tick:
    """A label: the coordinate's ``value`` in degrees, where it stands in displayed pixels, and its text."""

    coordinate: Coordinate
    value: float
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Polylines:
    """Curves in displayed pixel coordinates: (n,) float64 each, curves separated by NaN."""

    x: Floats = field(repr=False)
    y: Floats = field(repr=False)


@dataclass(frozen=True, slots=True)
class Graticule:
    """A grid for one view.

    ``bottom`` and ``left`` are ticks on those edges in ascending position, all of one coordinate each; ``inside`` are
    labels to write beside the lines of a coordinate that fewer than two lines of meet its edge. ``steps`` are the
    degrees between lines of longitude and of latitude.
    """

    frame: str
    names: tuple[str, str]
    lon: Polylines
    lat: Polylines
    bottom: tuple[Tick, ...]
    left: tuple[Tick, ...]
    inside: tuple[Tick, ...]
    bottom_name: str
    left_name: str
    steps: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Box:
    x0: float
    x1: float
    y0: float
    y1: float

    def wider(self) -> _Box:
        dx, dy = MARGIN * (self.x1 - self.x0), MARGIN * (self.y1 - self.y0)
        return _Box(self.x0 - dx, self.x1 + dx, self.y0 - dy, self.y1 + dy)

    def holds(self, x: Floats, y: Floats) -> npt.NDArray[np.bool_]:
        return (x >= self.x0) & (x <= self.x1) & (y >= self.y0) & (y <= self.y1)


@dataclass(frozen=True, slots=True)
class _Scale:
    """The lines of one coordinate: multiples of ``step`` degrees from ``low`` to ``high``, and how they are written."""

    coordinate: Coordinate
    low: float
    high: float
    step: float
    sexagesimal: bool

    @property
    def lines(self) -> Floats:
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        if self.coordinate == "lon":
            last = min(last, first + round(360.0 / self.step) - 1)
        values = np.arange(first, min(last, first + MAX_LINES) + 1, dtype=np.float64) * self.step
        return values[np.abs(values) < 90.0 - 1e-9] if self.coordinate == "lat" else values

    def fields(self, value: float) -> tuple[str, ...]:
        if not self.sexagesimal:
            return (decimal(value, self.step, wrap=self.coordinate == "lon"),)
        return hms_fields(value, self.step) if self.coordinate == "lon" else dms_fields(value, self.step)


def graticule(
    celestial: Celestial,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    swapped: bool = False,
    count: int = 6,
    frame: FrameChoice = "native",
) -> Graticule:
    """Grid lines and edge labels for a view of ``x_range`` × ``y_range`` displayed pixels (cell i centred on i).

    ``swapped`` says that the header's second celestial axis is the one displayed as x. About ``count`` lines of each
    coordinate. A view wholly off the sphere has no lines. Raises RequestError for an empty or endless range, and for a
    frame that the header's can't be converted to.
    """
    box = _box(x_range, y_range)
    sky = _frame(celestial, frame)
    world, pixel = _lookups(celestial, sky, swapped)
    scales = _scales(world, box, sky, min(20, max(2, count)))
    if scales is None:
        empty = Polylines(np.empty(0), np.empty(0))
        return Graticule(sky.name, sky.names, empty, empty, (), (), (), *sky.names)
    lon, lat = _trace(pixel, box, *scales)
    bottom, left = _edges(world, box, scales)
    labelled = {ticks[0].coordinate for ticks in (bottom, left) if ticks}
    inside = _beside([(lon, scales[0]), (lat, scales[1])], labelled, box)
    steps = (scales[0].step, scales[1].step)
    turned = any(ticks and ticks[0].coordinate == own for ticks, own in ((bottom, "lat"), (left, "lon")))
    named = sky.names[::-1] if turned else sky.names
    return Graticule(sky.name, sky.names, _joined(*lon), _joined(*lat), bottom, left, inside, *named, steps)


def _box(x_range: tuple[float, float], y_range: tuple[float, float]) -> _Box:
    box = _Box(float(x_range[0]), float(x_range[1]), float(y_range[0]), float(y_range[1]))
    good = all(math.isfinite(edge) for edge in (*x_range, *y_range))
    if not good or box.x0 >= box.x1 or box.y0 >= box.y1:
        raise RequestError(f"A grid needs finite ranges from low to high, not {x_range} and {y_range}")
    return box


def _frame(celestial: Celestial, choice: FrameChoice) -> SkyFrame:
    if choice == "native":
        return celestial.sky
    frames = {"icrs": ICRS, "galactic": GALACTIC}
    if choice not in frames:
        raise RequestError(f"There is no grid in '{choice}'", expected="native, icrs or galactic")
    if not celestial.sky.known:
        raise RequestError(
            f"Coordinates in {celestial.frame} can't be converted to {choice}", remedy="Use the native grid"
        )
    return frames[choice]


def _lookups(celestial: Celestial, sky: SkyFrame, swapped: bool) -> tuple[Lookup, Lookup]:
    """Displayed pixel → direction in ``sky``, and back."""

    def world(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
        return convert(*(celestial.world(y, x) if swapped else celestial.world(x, y)), celestial.sky, sky)

    def pixel(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
        x, y = celestial.pixel(*convert(lon, lat, sky, celestial.sky))
        return (y, x) if swapped else (x, y)

    return world, pixel


def _scales(world: Lookup, box: _Box, sky: SkyFrame, count: int) -> tuple[_Scale, _Scale] | None:
    """The range of both coordinates in the view and the steps that suit it, or None off the sphere."""
    wide = box.wider()
    x, y = np.meshgrid(np.linspace(wide.x0, wide.x1, _SAMPLES), np.linspace(wide.y0, wide.y1, _SAMPLES))
    lon, lat = world(x, y)
    seen = np.isfinite(lon)
    if not seen.any():
        return None
    between = (1.0 if seen.all() else 6.0) / (_SAMPLES - 1)  # towards a limb directions change fast between samples
    low, high = _circular_range(lon[seen], between)
    lat_low, lat_high = float(lat[seen].min()), float(lat[seen].max())
    pad = (lat_high - lat_low) * between
    lon_steps, lat_steps = (_HOURS, _DEGREES) if sky.equatorial else (_DECIMALS, _DECIMALS)
    return (
        _Scale("lon", low, high, _step((high - low) / count, lon_steps), sky.equatorial),
        _Scale(
            "lat",
            max(-90.0, lat_low - pad),
            min(90.0, lat_high + pad),
            _step((lat_high - lat_low) / count, lat_steps),
            sky.equatorial,
        ),
    )


def _circular_range(lon: Floats, between: float) -> tuple[float, float]:
    """The shortest arc that holds all longitudes, wider by the part ``between``; 0 to 360 where that is nearly all."""
    ordered = np.sort(lon)
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    widest = int(np.argmax(gaps))
    arc = 360.0 - float(gaps[widest])
    pad = arc * between
    if arc + 2 * pad >= 350.0:
        return 0.0, 360.0
    start = float(ordered[(widest + 1) % len(ordered)])
    return start - pad, start + arc + pad


def _step(wanted: float, nice: list[float]) -> float:
    """The nice step nearest to ``wanted`` by ratio."""
    return min(nice, key=lambda step: abs(math.log(step / max(wanted, nice[-1]))))


def _trace(pixel: Lookup, box: _Box, lon: _Scale, lat: _Scale) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Pixels of the lines, (lines, samples) each, NaN where a line is out of the view or jumps across a fold."""
    along_lat, along_lon = _samples(lat.low, lat.high), _samples(lon.low, lon.high)
    lon_lines, lat_lines = lon.lines, lat.lines
    grids = (np.meshgrid(lon_lines, along_lat, indexing="ij"), np.meshgrid(along_lon, lat_lines, indexing="xy"))
    split = grids[0][0].size
    x, y = pixel(*(np.concatenate([grid[part].ravel() for grid in grids]) for part in (0, 1)))
    shapes = [grid[0].shape for grid in grids]
    return (
        _visible(x[:split].reshape(shapes[0]), y[:split].reshape(shapes[0]), box),
        _visible(x[split:].reshape(shapes[1]), y[split:].reshape(shapes[1]), box),
    )


def _samples(low: float, high: float) -> Floats:
    return np.linspace(low, high, 49 if high - low < 20.0 else 97 if high - low < 100.0 else 181)


def _visible(x: Floats, y: Floats, box: _Box) -> tuple[Floats, Floats]:
    """Points near the view, with a NaN column added at the end of each line and NaN put into jumps."""
    wide = box.wider()
    kept = wide.holds(x, y)
    x, y = np.where(kept, x, np.nan), np.where(kept, y, np.nan)
    rows, columns = np.nonzero(_jumps(x / (wide.x1 - wide.x0), y / (wide.y1 - wide.y0)))
    end = np.full(x.shape[0], np.nan)
    x, y = np.column_stack([x, end]), np.column_stack([y, end])
    x[rows, columns + 1] = np.nan
    return x, y


def _jumps(x: Floats, y: Floats) -> npt.NDArray[np.bool_]:
    """Segments (lines, samples - 1) that leap over a fold: a quarter of the view, or four times the neighbours."""
    length = np.hypot(np.diff(x, axis=1), np.diff(y, axis=1))
    beside = np.pad(length, ((0, 0), (1, 1)), constant_values=np.nan)
    longest = np.fmax(beside[:, :-2], beside[:, 2:])
    leaps: npt.NDArray[np.bool_] = (length > 0.25) | ((length > 0.02) & (length > 4.0 * longest))
    return leaps


def _joined(x: Floats, y: Floats) -> Polylines:
    """One long line of all, runs of NaN shortened to one."""
    flat_x, flat_y = x.ravel(), y.ravel()
    lost = ~(np.isfinite(flat_x) & np.isfinite(flat_y))
    keep = ~(lost & np.roll(lost, 1))
    return Polylines(np.where(lost, np.nan, flat_x)[keep], np.where(lost, np.nan, flat_y)[keep])


def _edges(world: Lookup, box: _Box, scales: tuple[_Scale, _Scale]) -> tuple[tuple[Tick, ...], tuple[Tick, ...]]:
    """Ticks of the bottom and the left edge: on each the coordinate that more lines of cross it, never one on both."""
    along = np.linspace(0.0, 1.0, _EDGE_SAMPLES)
    x = np.stack([box.x0 + along * (box.x1 - box.x0), np.full(_EDGE_SAMPLES, box.x0)])
    y = np.stack([np.full(_EDGE_SAMPLES, box.y0), box.y0 + along * (box.y1 - box.y0)])
    values = world(x, y)
    bottom, left = (
        [_crossings(x[edge], y[edge], value[edge], scale) for scale, value in zip(scales, values, strict=True)]
        for edge in (0, 1)
    )
    straight, crossed = len(bottom[0]) + len(left[1]), len(bottom[1]) + len(left[0])
    chosen = (bottom[0], left[1]) if straight >= crossed else (bottom[1], left[0])
    kept = [tuple(ticks) if len(ticks) >= 2 else () for ticks in chosen]
    return kept[0], kept[1]


def _crossings(x: Floats, y: Floats, values: Floats, scale: _Scale) -> list[Tick]:
    """Where a coordinate passes a multiple of its step along an edge, labelled; two in one sample are left out."""
    change = np.diff(values)
    if scale.coordinate == "lon":
        change = (change + 180.0) % 360.0 - 180.0
    with np.errstate(invalid="ignore"):
        before, after = values[:-1] / scale.step, (values[:-1] + change) / scale.step
        single = np.abs(np.floor(after) - np.floor(before)) == 1
    places: list[tuple[float, float, float]] = []  # value, x, y
    for index in np.nonzero(single)[0]:
        line = max(math.floor(before[index]), math.floor(after[index]))
        part = (line - before[index]) / (after[index] - before[index])
        px, py = (float(v[index] + part * (v[index + 1] - v[index])) for v in (x, y))
        value = line * scale.step
        places.append((value % 360.0 if scale.coordinate == "lon" else value, px, py))
    if len(places) > MAX_LINES:
        return []
    texts = shortened([scale.fields(value) for value, _, _ in places])
    return [Tick(scale.coordinate, *place, text) for place, text in zip(places, texts, strict=True)]


def shortened(labels: list[tuple[str, ...]]) -> list[str]:
    """Labels without the leading fields they share with the one before: ``03h26m00s``, ``30s``, ``27m00s``."""
    texts: list[str] = []
    previous: tuple[str, ...] = ()
    for fields in labels:
        same = 0
        while same < len(fields) - 1 and same < len(previous) and fields[same] == previous[same]:
            same += 1
        texts.append("".join(fields[same:]))
        previous = fields
    return texts


def _beside(
    drawn: list[tuple[tuple[Floats, Floats], _Scale]], labelled: set[Coordinate], box: _Box
) -> tuple[Tick, ...]:
    """A label a line of what no edge labels: longitudes in the middle of what is seen, latitudes at their left end."""
    ticks: list[Tick] = []
    for (xs, ys), scale in drawn:
        if scale.coordinate in labelled:
            continue
        for value, x, y in zip(scale.lines, xs, ys, strict=True):
            seen = np.nonzero(box.holds(x, y))[0]
            if seen.size:
                ordered = seen if scale.coordinate == "lon" else seen[np.argsort(x[seen])]
                index = ordered[seen.size // 2 if scale.coordinate == "lon" else seen.size // 25]
                text = "".join(scale.fields(float(value)))
                tick = Tick(scale.coordinate, float(value), float(x[index]), float(y[index]), text)
                ticks += [tick] if _apart(tick, ticks, box) else []
    return tuple(ticks)


def _apart(tick: Tick, others: list[Tick], box: _Box) -> bool:
    width, height = box.x1 - box.x0, box.y1 - box.y0
    return all(max(abs(tick.x - other.x) / width, abs(tick.y - other.y) / height) > 0.03 for other in others)
