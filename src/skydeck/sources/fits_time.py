"""Time axes: FITS time (standard 4.0, section 9) becomes datetime64[ns] in UTC."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from skydeck.core.errors import SourceError
from skydeck.sources.fits_header import astropy_at_work, number, text

if TYPE_CHECKING:
    import numpy.typing as npt
    from astropy.io.fits import Header

_SCALES = {"UTC": "utc", "UT": "utc", "GMT": "utc", "TAI": "tai", "IAT": "tai", "TT": "tt", "TDT": "tt", "ET": "tt"}
_SCALES |= {"TDB": "tdb", "TCB": "tcb", "TCG": "tcg", "UT1": "ut1", "GPS": "tai"}
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hr": 3600.0, "d": 86400.0, "day": 86400.0}
_SECONDS |= {"ms": 1e-3, "us": 1e-6, "ns": 1e-9, "a": 365.25 * 86400.0, "yr": 365.25 * 86400.0, "cy": 36525 * 86400.0}
_GPS_BEHIND_TAI = 19.0
_FIRST, _LAST = -106751.0, 106751.0  # days from 1970 that datetime64[ns] can say


def is_time(ctype: str) -> bool:
    """Whether an axis type is time: TIME, or the name of a time scale."""
    return ctype == "TIME" or ctype.partition("(")[0].strip() in _SCALES


def time_variable(
    header: Header, axis: int, name: str, values: npt.NDArray[np.float64], notes: list[str]
) -> xr.Variable:
    """Datetimes in UTC of a time axis; plain numbers with their unit, and a note, where the header doesn't say when."""
    unit = text(header, f"CUNIT{axis}") or text(header, "TIMEUNIT")
    seconds = _SECONDS.get(unit.lower(), math.nan)
    try:
        day, fraction = _reference(header, float(values[0]) * seconds if len(values) else 0.0)
        with np.errstate(all="ignore"):
            return xr.Variable((name,), _datetimes(day, fraction, values * seconds, _scale(header, axis)))
    except SourceError as error:
        notes.append(f"The axis {name} keeps its numbers: {error.what}")
        return xr.Variable((name,), values, {"units": unit or "s"})


def _scale(header: Header, axis: int) -> str:
    """The time scale's name as the header has it; UTC by default."""
    for found in (text(header, f"CTYPE{axis}").upper().partition("(")[0].strip(), text(header, "TIMESYS").upper()):
        if found in _SCALES:
            return found
    return "UTC"


def _reference(header: Header, first: float) -> tuple[float, float]:
    """The instant that the axis counts from, as MJD: whole day and fraction.

    MJDREF, JDREF or DATEREF where given. Without, numbers that are dates themselves count from MJD 0, others from
    MJD-OBS or DATE-OBS. Raises SourceError without any of them.
    """
    if "MJDREFI" in header or "MJDREFF" in header:
        return _finite(number(header, "MJDREFI", 0.0), number(header, "MJDREFF", 0.0))
    for key, zero in (("MJDREF", 0.0), ("JDREF", 2400000.5)):
        if key in header:
            return _finite(number(header, key) - zero, 0.0)
    if text(header, "DATEREF"):
        return _date(text(header, "DATEREF"))
    if first >= 15000 * 86400.0:  # 1899 and later
        return 0.0, 0.0
    for key in ("MJD-OBS", "MJD-BEG"):
        if math.isfinite(number(header, key)):
            return number(header, key), 0.0
    for key in ("DATE-OBS", "DATE-BEG"):
        if text(header, key):
            return _date(text(header, key))
    raise SourceError("The header doesn't say when its time begins")


def _finite(day: float, fraction: float) -> tuple[float, float]:
    if not (math.isfinite(day) and math.isfinite(fraction)):
        raise SourceError("The header's reference time is no number")
    return day, fraction


def _date(value: str) -> tuple[float, float]:
    from astropy.time import Time

    with astropy_at_work(f"The date {value!r} can't be read"):
        time = Time(value.removesuffix("Z"), scale="utc")
        day = math.floor(time.mjd)
        return day, float((time - Time(day, format="mjd", scale="utc")).to_value("s")) / 86400


def _datetimes(day: float, fraction: float, seconds: npt.NDArray[np.float64], scale: str) -> npt.NDArray[np.datetime64]:
    """MJD ``day`` + ``fraction`` + ``seconds``, in ``scale``, as UTC. Raises SourceError outside 1678 to 2261."""
    if not np.isfinite(seconds).all():
        raise SourceError("The header's time unit isn't known or its numbers aren't finite")
    days = day - 40587 + fraction + seconds / 86400
    if len(days) and not (days.min() > _FIRST and days.max() < _LAST):
        raise SourceError("The times lie outside the years 1678 to 2261")
    whole = math.floor(day)
    start = (int(whole) - 40587) * 86400 * 10**9 + round((day - whole + fraction) * 86400e9)
    instants = (start + np.round(seconds * 1e9).astype(np.int64)).astype("datetime64[ns]")
    return instants if _SCALES[scale] == "utc" else _to_utc(instants, scale)


def _to_utc(instants: npt.NDArray[np.datetime64], scale: str) -> npt.NDArray[np.datetime64]:
    """Instants of another time scale, written as if they were UTC, as UTC."""
    from astropy.time import Time, TimeDelta

    with astropy_at_work(f"Times in {scale} can't be turned into UTC"):
        times = Time(instants, scale=_SCALES[scale])
        if scale == "GPS":
            times = times + TimeDelta(_GPS_BEHIND_TAI, format="sec")
        return np.asarray(times.utc.to_value("datetime64"), "datetime64[ns]")
