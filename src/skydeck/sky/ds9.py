"""DS9: regions as the text that SAOImage DS9, CARTA and others exchange."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from skydeck.core.errors import RequestError
from skydeck.sky.frame import GALACTIC, ICRS, SkyFrame, convert, separation
from skydeck.sky.regions import Box, Ellipse, Region
from skydeck.sky.wcs import Celestial

MAX_TEXT = 2**20
MAX_REGIONS = 1000
UPRIGHT = 0.01  # degrees a box may be turned and still be taken for an upright one
_FRAMES = {
    "icrs": ICRS,
    "fk5": SkyFrame("FK5", 2000.0),
    "j2000": SkyFrame("FK5", 2000.0),
    "fk4": SkyFrame("FK4", 1950.0),
    "b1950": SkyFrame("FK4", 1950.0),
    "galactic": GALACTIC,
}
_NUMBERS = {"box": (4, 5), "ellipse": (4, 5), "circle": (3, 3)}
_SHAPE = re.compile(r"\+?\s*([a-z]+)\s*(?:\(([^()]*)\)|\s([^()]*))(?:\s*\|\|)?\s*", re.IGNORECASE)
_SIZES = {"": 1.0, "d": 1.0, "°": 1.0, "'": 1 / 60, "′": 1 / 60, '"': 1 / 3600, "″": 1 / 3600}
_SIZE = re.compile(r"([0-9.eE+-]+)\s*([a-z°'′\"″]?)")
_SEXAGESIMAL = re.compile(r"([+-]?)(\d+)[:hd°](\d+)[:m'′](\d+(?:\.\d*)?)[s\"″]?")


@dataclass(frozen=True, slots=True)
class _Shape:
    """Centre, the two sizes as DS9 counts them (full for a box, half for an ellipse), angle; header pixels from 0."""

    cx: float
    cy: float
    width: float
    height: float
    angle: float

    def mirrored(self, swapped: bool) -> _Shape:
        """Seen with x and y exchanged: a direction at angle a is then at 90 - a."""
        return _Shape(self.cy, self.cx, self.width, self.height, 90.0 - self.angle) if swapped else self


def to_ds9(region: Region, celestial: Celestial | None = None, swapped: bool = False) -> str:
    """DS9 region text: in ICRS where ``celestial`` is given, else in image pixels (counted from 1).

    ``swapped`` says that the header's second celestial axis is displayed as x. Sizes on the sky are measured at the
    centre. Raises RequestError where the centre is off the sphere or the frame can't be brought to ICRS.
    """
    name, shape = ("box" if isinstance(region, Box) else "ellipse"), _shape_of(region).mirrored(swapped)
    if celestial is None:
        numbers = (shape.cx + 1, shape.cy + 1, shape.width, shape.height, shape.angle % 360.0)
        return f"# Region file format: DS9\nimage\n{name}({','.join(f'{number:.6f}' for number in numbers)})\n"
    ra, dec = (float(value) for value in celestial.to_icrs(*celestial.world(shape.cx, shape.cy)))
    if math.isnan(ra):
        raise RequestError("The region's centre has no ICRS position", remedy="Save it in image pixels")
    wide, high = _sizes_on_sky(celestial, shape)
    turned = (shape.angle - _north(celestial, ICRS, ra, dec) + 90.0) % 360.0
    sizes = f'{wide * 3600:.6f}",{high * 3600:.6f}"'
    return f"# Region file format: DS9\nicrs\n{name}({ra:.9f},{dec:.9f},{sizes},{turned:.6f})\n"


def from_ds9(text: str, celestial: Celestial | None = None, swapped: bool = False) -> tuple[Region, ...]:
    """The boxes, ellipses and circles of DS9 region text, in displayed pixels counted from 0.

    Understands image, icrs, fk5, fk4 and galactic; the sky needs ``celestial``. Raises RequestError, naming the line,
    for anything else: other shapes, turned boxes, excluded regions, no numbers, more than 1 MiB or 1000 regions.
    """
    if len(text) > MAX_TEXT:
        raise RequestError(f"The region text is {len(text)} characters", expected=f"at most {MAX_TEXT}")
    frame: SkyFrame | None = None
    regions: list[Region] = []
    for number, command in _commands(text):
        word = command.lower()
        if word == "image" or word in _FRAMES:
            frame = _FRAMES.get(word)
        elif not word.startswith("global"):
            try:
                regions.append(_region(command, frame, celestial, swapped))
            except RequestError as error:
                raise RequestError(
                    f"Line {number}: {error.what}", expected=error.expected, remedy=error.remedy
                ) from error
        if len(regions) > MAX_REGIONS:
            raise RequestError(f"The region text holds more than {MAX_REGIONS} regions")
    return tuple(regions)


def _shape_of(region: Region) -> _Shape:
    if isinstance(region, Ellipse):
        return _Shape(region.cx, region.cy, region.rx, region.ry, region.angle)
    middle = (region.x0 + region.x1) / 2, (region.y0 + region.y1) / 2
    return _Shape(*middle, region.x1 - region.x0, region.y1 - region.y0, 0.0)


def _commands(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for command in line.partition("#")[0].split(";"):
            if command.strip():
                yield number, command.strip()


def _region(command: str, frame: SkyFrame | None, celestial: Celestial | None, swapped: bool) -> Region:
    match = _SHAPE.fullmatch(command)
    name = match[1].lower() if match else ""
    if match is None or name not in _NUMBERS:
        raise RequestError(f"'{command[:60]}' can't be used", expected="box(...), ellipse(...) or circle(...)")
    words = [word for word in re.split(r"[\s,]+", match[2] or match[3] or "") if word]
    if not _NUMBERS[name][0] <= len(words) <= _NUMBERS[name][1]:
        raise RequestError(f"'{command[:60]}' has {len(words)} numbers", expected=f"{_NUMBERS[name][0]} for a {name}")
    words = [*words, words[2]] if name == "circle" else words
    return _displayed(name, _shape(words, frame, celestial).mirrored(swapped))


def _displayed(name: str, shape: _Shape) -> Region:
    if name != "box":
        return Ellipse(shape.cx, shape.cy, shape.width, shape.height, shape.angle)
    quarter = round(shape.angle / 90.0)
    if abs(shape.angle - 90.0 * quarter) > UPRIGHT:
        raise RequestError(f"The box is turned by {shape.angle:.2f}° in this image", remedy="Use an ellipse")
    width, height = (shape.height, shape.width) if quarter % 2 else (shape.width, shape.height)
    return Box(shape.cx - width / 2, shape.cx + width / 2, shape.cy - height / 2, shape.cy + height / 2)


def _shape(words: list[str], frame: SkyFrame | None, celestial: Celestial | None) -> _Shape:
    angle = _number(words[4]) if len(words) > 4 else 0.0
    if frame is None:
        cx, cy = _number(words[0]) - 1, _number(words[1]) - 1
    else:
        cx, cy, north = _place(words, frame, celestial)
        angle += north - 90.0
    angle = (angle + 180.0) % 360.0 - 180.0
    shape = _Shape(cx, cy, 1.0, 1.0, angle)
    width, height = (_pixels(word, axis, shape, frame is not None, celestial) for axis, word in enumerate(words[2:4]))
    return _Shape(cx, cy, width, height, angle)


def _place(words: list[str], frame: SkyFrame, celestial: Celestial | None) -> tuple[float, float, float]:
    """Pixel of a direction, and the pixel angle of that frame's north there."""
    if celestial is None:
        raise RequestError(f"The region is in {frame.name}, but this image has no celestial axes")
    lon, lat = _degrees(words[0], hours=frame.equatorial), _degrees(words[1], hours=False)
    x, y = (float(value) for value in celestial.pixel(*convert(lon, lat, frame, celestial.sky)))
    if not (math.isfinite(x) and math.isfinite(y)):
        raise RequestError(f"{words[0]} {words[1]} ({frame.name}) is nowhere on this image's sky")
    return x, y, _north(celestial, frame, lon, lat)


def _pixels(word: str, axis: int, shape: _Shape, on_sky: bool, celestial: Celestial | None) -> float:
    match = _SIZE.fullmatch(word)
    if match is None:
        raise RequestError(f"'{word}' isn't a size", expected="a number such as 12, 0.5d, 30' or 12\"")
    size, unit = _number(match[1]), match[2]
    if unit in ("p", "i") or (not unit and not on_sky):
        return size
    if unit not in _SIZES or celestial is None:
        raise RequestError(f"'{word}' can't be turned into pixels here", expected="a size in pixels")
    return size * _SIZES[unit] / _sizes_on_sky(celestial, shape)[axis]


def _sizes_on_sky(celestial: Celestial, shape: _Shape) -> tuple[float, float]:
    """Degrees that the two sizes span, from the pixel's own scale along each at the centre."""
    sizes = []
    for angle, size in ((shape.angle, shape.width), (shape.angle + 90.0, shape.height)):
        dx, dy = 0.5 * math.cos(math.radians(angle)), 0.5 * math.sin(math.radians(angle))
        lon, lat = celestial.world([shape.cx - dx, shape.cx + dx], [shape.cy - dy, shape.cy + dy])
        sizes.append(size * separation(lon[0], lat[0], lon[1], lat[1]))
    if not all(math.isfinite(size) for size in sizes):
        raise RequestError("The region's centre is at the rim of the sky", remedy="Use image pixels")
    return sizes[0], sizes[1]


def _north(celestial: Celestial, frame: SkyFrame, lon: float, lat: float) -> float:
    """Degrees from the header's +x to a frame's north at a direction; measured southwards next to the pole."""
    step = min(celestial.scale) * (1.0 if lat < 0 else -1.0)
    x, y = celestial.pixel(*convert([lon, lon], [lat, lat + step], frame, celestial.sky))
    angle = math.degrees(math.atan2(y[1] - y[0], x[1] - x[0]))
    return angle if step > 0 else angle + 180.0


def _degrees(word: str, *, hours: bool) -> float:
    match = _SEXAGESIMAL.fullmatch(word)
    if match is None:
        return _number(word.rstrip("d°"))
    value = float(match[2]) + float(match[3]) / 60 + float(match[4]) / 3600
    signed = -value if match[1] == "-" else value
    return signed * 15.0 if hours and "d" not in word and "°" not in word else signed


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RequestError(f"'{word}' isn't a number")
    return number
