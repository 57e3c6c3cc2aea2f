"""Which reader opens what, and that opening never ends in anything but an answer or a sentence."""

import os
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
import zarr
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skydeck.core.errors import NotAllowed, SkydeckError, SourceError, SourceMissing
from skydeck.sources import list_choices, open_source, sniff


def make_fits(path):
    fits.writeto(path, np.arange(12.0).reshape(3, 4))


def make_hdf5(path):
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3)


def make_beam(path):
    with h5py.File(path, "w") as file:
        file["Observation1/Tuning1/freq"] = np.arange(96) * 1e4 + 1e7
        file["Observation1/Tuning1/XX"] = np.ones((5, 96), "f4")


def make_netcdf3(path):
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(path, engine="scipy", format="NETCDF3_CLASSIC")


def make_netcdf4(path):
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(path, engine="h5netcdf")


def make_zarr(path):
    zarr.open_group(str(path), mode="w").create_array("a", data=np.ones(3))


MAKERS = {
    "skydeck-fits": make_fits,
    "skydeck-hdf5": make_hdf5,
    "skydeck-lwa-beam": make_beam,
    "skydeck-netcdf3": make_netcdf3,
    "skydeck-tree": make_zarr,
}


@pytest.mark.parametrize("name", ["plain", "a.fits", "a.h5", "a.nc", "a.zarr", "a.txt", "with space é.dat"])
@pytest.mark.parametrize("engine", MAKERS)
def test_content_decides_whatever_the_name(tmp_path, engine, name):
    MAKERS[engine](tmp_path / "made")
    (tmp_path / "made").rename(tmp_path / name)
    path = str(tmp_path / name)
    assert sniff(path) == engine
    found = open_source(path)
    assert found.data_vars and found.encoding["source"] == path
    assert open_source(Path(path).as_uri()).sizes == found.sizes
    assert open_source(path, {"engine": engine}).sizes == found.sizes


def test_netcdf4_is_hdf5(tmp_path):
    make_netcdf4(tmp_path / "a.nc")
    assert sniff(str(tmp_path / "a.nc")) == "skydeck-hdf5"


def test_an_hdu_is_chosen_by_option(tmp_path):
    images = [
        fits.PrimaryHDU(),
        fits.ImageHDU(np.zeros((2, 3)), name="SCI"),
        fits.ImageHDU(np.ones((4, 5)), name="ERR"),
    ]
    fits.HDUList(images).writeto(tmp_path / "a.fits")
    names = [name for name, _ in list_choices(str(tmp_path / "a.fits"))]
    assert names == ["1", "2"]
    assert sorted(open_source(str(tmp_path / "a.fits"), {"hdu": "2"}).sizes.values()) == [4, 5]


@pytest.mark.parametrize("name", ["a.fits", "a.h5", "a.nc", "a.zarr", "a.dt", "a.txt"])
def test_an_empty_file_says_so(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match="empty"):
        open_source(str(tmp_path / name))


@pytest.mark.parametrize("name", ["a.fits", "a.h5", "a.nc", "a.zarr", "a", "sub/a.fits"])
def test_a_missing_path_says_so(tmp_path, name):
    for function in (open_source, sniff, list_choices):
        with pytest.raises(SourceMissing, match="isn't there"):
            function(str(tmp_path / name))


def test_unknown_formats_options_and_engines(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(SourceError, match="FITS, HDF5, NetCDF or Zarr"):
        open_source(str(tmp_path / "a.txt"))
    with pytest.raises(SourceError, match="engine “nonsense”"):
        open_source(str(tmp_path / "a.txt"), {"engine": "nonsense"})
    with pytest.raises(SourceError, match=r"option “grop”.*group"):
        open_source(str(tmp_path / "a.txt"), {"grop": "a"})
    with pytest.raises(NotAllowed):
        open_source("zip://a::file:///etc/passwd")


def test_a_pipe_and_a_device_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(SourceError):
        open_source(str(tmp_path / "a.txt"))
    with pytest.raises(SourceError):
        open_source("/dev/zero")


ENGINE = """
import numpy as np
import xarray as xr
from xarray.backends import BackendEntrypoint

class AcmeBackend(BackendEntrypoint):
    def open_dataset(self, filename_or_obj, *, drop_variables=None):
        return xr.Dataset({"acme": ("x", np.frombuffer(open(filename_or_obj, "rb").read()[4:], "u1"))})

    def guess_can_open(self, filename_or_obj):
        return open(filename_or_obj, "rb", buffering=0).read(4) == b"ACME"

class RudeBackend(AcmeBackend):
    def guess_can_open(self, filename_or_obj):
        raise RuntimeError("I crash on everything")
"""


@pytest.mark.filterwarnings("ignore:unclosed file")
@pytest.mark.filterwarnings("ignore:Exception ignored")
def test_an_engine_that_somebody_installed_is_asked_last(tmp_path, monkeypatch):
    (tmp_path / "acme_engine.py").write_text(ENGINE)
    info = tmp_path / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[xarray.backends]\nacme = acme_engine:AcmeBackend\na_rude = acme_engine:RudeBackend\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    xr.backends.plugins.list_engines.cache_clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (tmp_path / "a.acme").write_bytes(b"ACME\1\2\3")
            assert sniff(str(tmp_path / "a.acme")) == "acme"
            assert open_source(str(tmp_path / "a.acme"))["acme"].values.tolist() == [1, 2, 3]
            assert open_source(str(tmp_path / "a.acme"), {"engine": "acme"})["acme"].size == 3
            assert list_choices(str(tmp_path / "a.acme")) == []
            make_fits(tmp_path / "b.acme")
            assert sniff(str(tmp_path / "b.acme")) == "skydeck-fits"
    finally:
        sys.modules.pop("acme_engine", None)
        xr.backends.plugins.list_engines.cache_clear()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from([b"", b"SIMPLE  =", b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x05", b"\x1f\x8b\x08\0", b"BZh9"]),
    body=st.binary(max_size=300),
    name=st.sampled_from(["a", "a.fits", "a.h5", "a.fits.gz", "a.nc"]),
)
def test_random_bytes_end_in_a_sentence(tmp_path, head, body, name):
    (tmp_path / name).write_bytes(head + body)
    for function in (open_source, list_choices):
        try:
            function(str(tmp_path / name))
        except SkydeckError as error:
            assert str(error).endswith((".", "!", "?"))
            assert "Traceback" not in str(error)


def test_importing_is_light():
    import subprocess

    heavy = {"astropy", "fsspec", "h5py", "numpy", "xarray", "zarr"}
    script = f"import sys, skydeck.sources; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_there_in_any_order():
    import skydeck.sources as sources

    for name in reversed(sources.__all__):
        assert callable(getattr(sources, name))
    with pytest.raises(AttributeError):
        sources.nonsense  # noqa: B018
