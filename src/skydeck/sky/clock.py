"""Clock: UTC instants, as text, as Modified Julian Dates and as seconds since 1970.

Everything here counts days of 86400 seconds, as datetime64 does: leap seconds are ignored, so a duration that spans one
is a second short, and an instant within one can't be written.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.axis import time_text

Times = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]

MJD_OF_1970 = 40587  # 1970-01-01T00:00 UTC is MJD 40587.0
_DAY = 86_400_000_000_000  # nanoseconds
_LIMIT = (2**63 - 1) / _DAY


def mjd_of(times: npt.ArrayLike) -> Floats:
    """Modified Julian Dates of UTC instants: datetime64 of any unit in, float64 days out, same shape; NaT gives NaN.

    A float64 holds a present MJD to about 0.6 µs.
    """
    nanoseconds = np.asarray(times).astype("datetime64[ns]").astype(np.int64)
    days, rest = np.divmod(nanoseconds, _DAY)
    missing = nanoseconds == np.iinfo(np.int64).min
    return np.where(missing, np.nan, MJD_OF_1970 + days + rest / _DAY)


def time_of_mjd(mjd: npt.ArrayLike) -> Times:
    """UTC instants of Modified Julian Dates, datetime64[ns], same shape.

    NaT where a date isn't finite or is outside what datetime64[ns] holds (1677 to 2262).
    """
    return _instants(np.asarray(mjd, dtype=np.float64) - MJD_OF_1970)


def time_of_unix(seconds: npt.ArrayLike) -> Times:
    """UTC instants of seconds since 1970, datetime64[ns], same shape; NaT as in :func:`time_of_mjd`."""
    return _instants(np.asarray(seconds, dtype=np.float64), 1_000_000_000)


def utc_text(time: Any, resolution: float = 1.0) -> str:
    """An instant as ``2024-07-25 04:34:06 UTC``, to the digits ``resolution`` seconds are worth; empty for NaT."""
    instant = np.datetime64(time, "ns")
    return "" if np.isnat(instant) else f"{time_text(instant, resolution)} UTC"


def _instants(numbers: Floats, unit: int = _DAY) -> Times:
    """Whole units and their fraction become nanoseconds separately, so that no digit is lost to their sum."""
    known = np.isfinite(numbers) & (np.abs(np.where(np.isfinite(numbers), numbers, 0.0)) < _LIMIT * (_DAY / unit))
    whole = np.floor(np.where(known, numbers, 0.0))
    nanoseconds = whole.astype(np.int64) * unit + np.rint((np.where(known, numbers, 0.0) - whole) * unit).astype(
        np.int64
    )
    return np.where(known, nanoseconds.astype("datetime64[ns]"), np.datetime64("NaT", "ns"))
