from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.time import Time, TimeDelta

from skydeck.sources.fits import open_fits


def series(path: Path, ctype: str = "TIME", **cards: object) -> xr.Dataset:
    hdu = fits.PrimaryHDU(np.zeros(4, "u1"))
    hdu.header.update({"CTYPE1": ctype, "CRVAL1": 100.0, "CDELT1": 0.25, "CRPIX1": 1.0})
    hdu.header.update({key.replace("__", "-"): value for key, value in cards.items()})
    hdu.writeto(path / "a.fits")
    return open_fits(path / "a.fits")


def close(times: xr.DataArray, expected: Time) -> bool:
    assert times.dtype == np.dtype("datetime64[ns]")
    wanted = np.array(expected.utc.to_value("datetime64"), "datetime64[ns]")
    return bool((np.abs(times.values - wanted) <= np.timedelta64(1, "us")).all())


SECONDS = TimeDelta([100.0, 100.25, 100.5, 100.75], format="sec")


@pytest.mark.parametrize(
    ("cards", "start"),
    [
        ({"MJDREF": 58849.25}, Time(58849.25, format="mjd", scale="utc")),
        ({"MJDREFI": 58849, "MJDREFF": 0.25}, Time(58849, 0.25, format="mjd", scale="utc")),
        ({"JDREF": 2458849.75}, Time(2458849.75, format="jd", scale="utc")),
        ({"DATEREF": "2020-01-01T06:00:00"}, Time("2020-01-01T06:00:00", scale="utc")),
        ({"MJD__OBS": 58849.25}, Time(58849.25, format="mjd", scale="utc")),
        ({"DATE__OBS": "2020-01-01T06:00:00.125"}, Time("2020-01-01T06:00:00.125", scale="utc")),
        ({"DATE__OBS": "2020-01-01"}, Time("2020-01-01", scale="utc")),
        ({"MJDREF": 58849, "DATE__OBS": "1999-01-01"}, Time(58849, format="mjd", scale="utc")),
    ],
)
def test_times_count_from_the_reference(tmp_path: Path, cards: dict[str, object], start: Time) -> None:
    assert close(series(tmp_path, CUNIT1="s", **cards).time, start + SECONDS)


@pytest.mark.parametrize("scale", ["TAI", "TT", "TDB"])
def test_other_scales_become_utc(tmp_path: Path, scale: str) -> None:
    expected = Time(58849, format="mjd", scale=scale.lower()) + SECONDS
    assert close(series(tmp_path, MJDREF=58849, TIMESYS=scale).time, expected)


def test_the_axis_type_may_name_the_scale(tmp_path: Path) -> None:
    assert close(series(tmp_path, "TAI", MJDREF=58849).time, Time(58849, format="mjd", scale="tai") + SECONDS)


def test_gps_time_is_19_s_behind_tai(tmp_path: Path) -> None:
    gps = series(tmp_path, "GPS", MJDREF=58849).time
    assert close(gps, Time(58849, format="mjd", scale="tai") + SECONDS + TimeDelta(19, format="sec"))


@pytest.mark.parametrize(
    ("unit", "seconds"), [("d", 86400), ("min", 60), ("h", 3600), ("ms", 1e-3), ("", 1), ("a", 31557600)]
)
def test_units(tmp_path: Path, unit: str, seconds: float) -> None:
    values = series(tmp_path, MJDREF=50000, CUNIT1=unit).time.values
    wanted = np.datetime64("1995-10-10", "ns") + np.round((100 + 0.25 * np.arange(4)) * seconds * 1e9).astype(
        "timedelta64[ns]"
    )
    assert (np.abs(values - wanted) <= np.timedelta64(1, "us")).all()


def test_numbers_that_are_dates_themselves_need_no_reference(tmp_path: Path) -> None:
    times = series(tmp_path, "UTC", CUNIT1="d", CRVAL1=58849.0, CDELT1=1.0, DATE__OBS="1999-01-01").time
    assert times.values[0] == np.datetime64("2020-01-01")
    assert times.values[3] == np.datetime64("2020-01-04")


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"MJDREF": "NaN"},
        {"MJDREF": 1e9},
        {"MJDREF": -1e30},
        {"DATE__OBS": "soon"},
        {"MJDREF": 5e4, "CUNIT1": "furlong"},
    ],
)
def test_times_that_cannot_be_told_stay_numbers(tmp_path: Path, cards: dict[str, object]) -> None:
    dataset = series(tmp_path, **cards)
    assert dataset.time.values.tolist() == [100, 100.25, 100.5, 100.75]
    assert "keeps its numbers" in dataset.attrs["notes"]
