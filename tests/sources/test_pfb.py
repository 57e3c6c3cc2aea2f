"""pfb-imaging's trees: stacked against numpy, in either axis order, with holes."""

import math
import pickle
import warnings

import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from skydeck.core.errors import SourceError
from skydeck.sources import list_choices, open_source, sniff

FREQUENCY = [900e6, 1000e6, 1300e6]
TIME = [1.7e9, 1.7e9 + 100.5]
RA, DEC, CELL = math.radians(-10.0), math.radians(-40.0), math.radians(2 / 3600)
SIZE = (8, 6)


def value(band, time):
    """The image of a band and time as (corr, x, y)."""
    return np.random.default_rng(10 * band + time).normal(size=(2, *SIZE)).astype("f4")


def tree(path, missing=(), order="xy", product="IQ", labels=True, version=3):
    root = xr.Dataset(
        attrs={"product": product, "nband": 3, "ntime": 2, "cell_rad": CELL, "nx": SIZE[0], "ny": SIZE[1]}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.to_zarr(path, mode="w", zarr_format=version)
        for band, frequency in enumerate(FREQUENCY):
            for time, seconds in enumerate(TIME):
                if (band, time) in missing:
                    continue
                node, group = one(band, time, order, labels), f"band{band:04d}_time{time:04d}"
                node.attrs |= {"freq_out": frequency, "time_out": seconds}
                node.to_zarr(path, group=group, mode="a", zarr_format=version)
                inner = xr.Dataset({"VIS": (("row", "chan"), np.ones((5, 2)))})
                inner.to_zarr(path, group=f"{group}/part0000", mode="a", zarr_format=version)
    return str(path)


def one(band, time, order, labels):
    dims = ("corr", "x", "y") if order == "xy" else ("corr", "y", "x")
    image = value(band, time) if order == "xy" else value(band, time).transpose(0, 2, 1)
    data = {
        "DIRTY": (dims, image),
        "PSF": (("corr", "x_psf", "y_psf"), np.ones((2, 4, 4), "f4") * band),
        "WSUM": (("corr",), np.full(2, band + 1.0)),
        "COUNT": (("corr",), np.full(2, time, "i4")),
    }
    coords = {"corr": ["I", "Q"]} if labels else {}
    return xr.Dataset(
        data, coords, {"bandid": band, "timeid": time, "ra": RA, "dec": DEC, "cell_rad": CELL, "niters": 3}
    )


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("order", ["xy", "yx"])
def test_a_tree_is_one_cube(tmp_path, order, version):
    found = open_source(tree(tmp_path / "out_I.dt", order=order, version=version))
    assert found["DIRTY"].dims == ("frequency", "time", "stokes", *order)
    assert found["frequency"].values.tolist() == FREQUENCY and found["frequency"].attrs["units"] == "Hz"
    assert found["time"].values[1] == np.datetime64("2023-11-14T22:15:00.5", "ns")
    assert found["stokes"].values.tolist() == ["I", "Q"]
    expected = np.array([[value(band, time) for time in range(2)] for band in range(3)])
    np.testing.assert_array_equal(found["DIRTY"].transpose("frequency", "time", "stokes", "x", "y").values, expected)
    assert not found["PSF"].variable._in_memory and found["PSF"].dims[-2:] == ("x_psf", "y_psf")
    assert found["WSUM"].values[2, 0, 1] == 3


def test_sections_read_only_the_nodes_they_need(tmp_path):
    found = open_source(tree(tmp_path / "a.dt"))["DIRTY"]
    expected = np.array([[value(band, time) for time in range(2)] for band in range(3)])
    for key in [
        (1, 0, 1),
        (slice(2, None, -1), 1, 0, 3),
        (slice(0, 2), slice(None), 1, slice(1, 7, 3), slice(5, 0, -2)),
        (slice(1, 1),),
    ]:
        np.testing.assert_array_equal(found[key].values, expected[key])
    np.testing.assert_array_equal(found[[2, 0, 2], 1].values, expected[[2, 0, 2], 1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found))[2, 1].values, expected[2, 1])
    (tmp_path / "a.dt/band0000_time0000").rename(tmp_path / "moved")
    assert found.encoding["chunks"][:2] == (1, 1)
    np.testing.assert_array_equal(found[1, 0].values, expected[1, 0])


def test_missing_combinations_are_nan(tmp_path):
    found = open_source(tree(tmp_path / "a.dt", missing=[(1, 0), (1, 1), (2, 1)]))
    assert found["frequency"].values.tolist() == [900e6, 1300e6]
    assert np.isnan(found["DIRTY"][1, 1].values).all()
    np.testing.assert_array_equal(found["DIRTY"][1, 0].values, value(2, 0))
    assert found["COUNT"].dtype.kind == "f" and np.isnan(found["COUNT"][1, 1].values).all()


def test_pixels_have_their_directions(tmp_path):
    found = open_source(tree(tmp_path / "a.dt"))
    assert found.attrs["wcs_dims"] == "x y"
    wcs = WCS(fits.Header.fromstring(found.attrs["fits_wcs_header"], sep="\n"))
    centre = wcs.pixel_to_world(SIZE[0] // 2, SIZE[1] // 2)
    assert centre.separation(SkyCoord(350, -40, unit="deg", frame="fk5")).arcsec < 1e-6
    east = wcs.pixel_to_world(SIZE[0] // 2 - 1, SIZE[1] // 2)
    assert centre.position_angle(east).deg == pytest.approx(90, abs=0.01)
    assert centre.separation(east).arcsec == pytest.approx(2, rel=1e-6)


def test_labels_from_the_product(tmp_path):
    assert open_source(tree(tmp_path / "a.dt", labels=False))["stokes"].values.tolist() == ["I", "Q"]
    found = open_source(tree(tmp_path / "b.dt", labels=False, product="MFS"))
    assert "corr" in found["DIRTY"].dims and "stokes" not in found.coords


def test_a_single_node_can_be_chosen(tmp_path):
    path = tree(tmp_path / "a.dt")
    assert sniff(path) == "skydeck-tree"
    names = [name for name, _ in list_choices(path)]
    assert "band0001_time0001" in names and "band0001_time0001/part0000" in names
    assert open_source(path, {"group": "band0001_time0001/part0000"})["VIS"].shape == (5, 2)
    np.testing.assert_array_equal(open_source(path, {"group": "band0001_time0001"})["DIRTY"].values, value(1, 1))


def test_attributes_that_are_nonsense_cost_axes_and_nothing_else(tmp_path):
    path = tree(tmp_path / "a.dt", version=2)
    for attrs in (tmp_path / "a.dt").glob("band*/.zattrs"):
        attrs.write_text('{"freq_out": "x", "time_out": 1e300, "ra": null, "dec": NaN, "cell_rad": -1}')
    (tmp_path / "a.dt/.zmetadata").unlink(missing_ok=True)
    found = open_source(path)
    assert "frequency" not in found.coords and "time" not in found.coords and "fits_wcs_header" not in found.attrs
    np.testing.assert_array_equal(found["DIRTY"][1, 1].values, value(1, 1))


def test_a_band_of_another_shape_is_nan_with_a_note(tmp_path):
    path = tree(tmp_path / "a.dt")
    odd = xr.Dataset({"DIRTY": (("corr", "x", "y"), np.ones((2, 3, 3)))}, attrs={"freq_out": 2e9, "time_out": TIME[0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd.to_zarr(path, group="band0003_time0000", mode="a")
    found = open_source(path)
    assert found["DIRTY"].shape == (4, 2, 2, *SIZE) and np.isnan(found["DIRTY"][3, 0].values).all()
    assert "another shape" in found.attrs["notes"]


def test_a_damaged_chunk_fails_with_a_sentence(tmp_path):
    path = tree(tmp_path / "a.dt")
    chunk = next(file for file in (tmp_path / "a.dt/band0001_time0000/DIRTY/c").rglob("*") if file.is_file())
    chunk.write_bytes(b"\0" * 7)
    found = open_source(path)
    with pytest.raises(SourceError):
        found["DIRTY"][1, 0].values  # noqa: B018
    assert np.isfinite(found["DIRTY"][0, 0].values).all()
