"""HDF5: NetCDF-4, files of other tools, and what must not be followed or trusted."""

import os
import pickle

import h5py
import numpy as np
import pytest
import xarray as xr

from skydeck.core.errors import SourceChanged, SourceError, SourceMissing
from skydeck.sources import list_choices, open_source, sniff
from skydeck.sources.hdf5 import Hdf5Backend


def test_every_kind_comes_back_from_netcdf4(tmp_path, every_kind, same):
    path = str(tmp_path / "a.h5")
    every_kind.to_netcdf(path, engine="h5netcdf", invalid_netcdf=True)
    found = open_source(path)
    same(found, every_kind)
    assert found.attrs == {"title": "every kind"}
    assert sniff(path) == "skydeck-hdf5"


def test_groups_of_netcdf4_are_chosen_by_name(tmp_path):
    path = str(tmp_path / "a.nc")
    xr.Dataset({"a": ("x", [1.0, 2.0])}).to_netcdf(path, group="first/inner", engine="h5netcdf")
    xr.Dataset({"b": ("x", [3.0])}).to_netcdf(path, group="second", mode="a", engine="h5netcdf")
    assert list(open_source(path)) == ["a"]
    assert list(open_source(path, {"group": "second"})) == ["b"]
    assert [name for name, _ in list_choices(path)] == ["/first/inner", "/second"]
    with pytest.raises(SourceError, match="first/inner"):
        open_source(path, {"group": "third"})


def test_dimensions_of_a_parent_group_keep_their_names(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["time"] = np.arange(3.0)
        file["time"].make_scale("time")
        file["g/a"] = np.ones((3, 2))
        file["g/a"].dims[0].attach_scale(file["time"])
        file["g/a"].dims[1].label = "beam"
    found = open_source(str(tmp_path / "a.h5"), {"group": "g"})
    assert found["a"].dims == ("time", "beam")


@pytest.fixture
def wild(tmp_path):
    """A file with everything other tools put into one."""
    path = tmp_path / "wild.h5"
    with h5py.File(path, "w") as file:
        file["square"] = np.arange(16.0).reshape(4, 4)
        file["cube"] = np.zeros((3, 4, 5), "i2")
        file["flags"] = np.array([True, False, True])
        file["complex"] = np.ones(3, complex)
        file["half"] = np.ones(3, "f2")
        file["pairs"] = np.array([(1, 0.5), (2, 0.25)], [("int", "<i8"), ("frac", "<f8")])
        file["word"] = "text"
        file["words"] = ["a", "bb"]
        file["fixed"] = np.array([b"I", b"Q", b"U"])
        file["nothing"] = h5py.Empty("f4")
        file["none"] = np.zeros((0, 4))
        file["number"] = 3.0
        file.create_dataset("lists", (3,), dtype=h5py.vlen_dtype("i4"))
        file["references"] = np.array([file["square"].ref], dtype=h5py.ref_dtype)
        file["opaque"] = np.zeros(3, "V4")
        file["named"] = np.dtype("f4")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["alias"] = h5py.SoftLink("/square")
        file["other"] = h5py.ExternalLink("secret.h5", "/a")
        file["loop/again"] = h5py.SoftLink("/loop")
        file["loop/hard"] = file["loop"]
        file["square"].attrs["note"] = b"at http://u:p@h/x"
        file["square"].attrs["ref"] = file["cube"].ref
        file["square"].attrs["list"] = [1, 2, 3]
    return path


def test_other_tools_files_open_with_numbered_dimensions(wild):
    found = open_source(str(wild))
    assert found["square"].dims[0] != found["square"].dims[1]
    assert found["cube"].shape == (3, 4, 5)
    np.testing.assert_array_equal(found["square"].values, np.arange(16.0).reshape(4, 4))
    np.testing.assert_array_equal(found["alias"].values, found["square"].values)
    assert found["flags"].values.tolist() == [True, False, True]
    assert found["pairs_int"].values.tolist() == [1, 2] and found["pairs_frac"].values.tolist() == [0.5, 0.25]
    assert found["word"].item() == "text" and found["words"].values.tolist() == ["a", "bb"]
    assert found["fixed"].values.tolist() == ["I", "Q", "U"]
    assert found["square"].attrs["note"] == "at http://h/x"
    assert found["square"].attrs["list"].tolist() == [1, 2, 3] and "ref" not in found["square"].attrs
    for name in ("lists", "references", "opaque", "dangling", "other"):
        assert name not in found and f"{name} was left out" in found.attrs["notes"]
    found.load()


def test_cells_in_files_elsewhere_are_not_read(tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"x" * 80)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["mine"] = np.ones(3)
        file.create_dataset("leak", (10,), "f8", external=[(str(secret), 0, 80)])
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource("../outside.h5", "a", (3,))
        file.create_virtual_dataset("virtual", layout)
    found = open_source(str(tmp_path / "a.h5"))
    assert list(found) == ["mine"]
    assert "leak was left out" in found.attrs["notes"] and "virtual was left out" in found.attrs["notes"]


def test_reading_is_lazy_by_section_and_pickles(tmp_path):
    data = np.random.default_rng(0).normal(size=(50, 40))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=data, chunks=(10, 40), compression="gzip")
    found = open_source(str(tmp_path / "a.h5"))["a"]
    assert not found.variable._in_memory and found.encoding["chunks"] == (10, 40)
    np.testing.assert_array_equal(found[40:3:-7, 5].values, data[40:3:-7, 5])
    np.testing.assert_array_equal(found[[3, 1, 3], 2:9:3].values, data[[3, 1, 3], 2:9:3])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found))[7].values, data[7])


def test_as_an_xarray_engine(wild):
    found = xr.open_dataset(str(wild), engine=Hdf5Backend, drop_variables=["cube", "square"], chunks={})
    assert "cube" not in found and int(found["flags"].sum()) == 2


def test_a_file_replaced_while_open_is_noticed(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3)
    found = open_source(str(path))["a"]
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(4)
    with pytest.raises(SourceChanged):
        found.values  # noqa: B018
    path.unlink()
    with pytest.raises(SourceChanged):
        found.values  # noqa: B018


@pytest.mark.parametrize("keep", [8, 60, 400, 5000])
def test_a_truncated_file_is_an_error_with_a_sentence(tmp_path, keep):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3000)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SourceError) as caught:
        open_source(str(path))["a"].load()
    assert "Traceback" not in str(caught.value) and str(caught.value).endswith(".")


def test_flipped_bits_raise_nothing_but_source_errors(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.arange(100.0), chunks=(10,), compression="gzip")
        file["b"] = ["x", "y"]
        file["g/c"] = np.ones(4)
    sound, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(60):
        data = bytearray(sound)
        for place in rng.integers(8, len(data), 6):
            data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            open_source(str(path)).load()
        except SourceError as error:
            assert str(error).endswith((".", "!", "?"))


def test_empty_missing_and_hollow_files(tmp_path):
    (tmp_path / "empty.h5").touch()
    with pytest.raises(SourceError, match="empty"):
        open_source(str(tmp_path / "empty.h5"))
    with pytest.raises(SourceMissing):
        open_source(str(tmp_path / "gone.h5"))
    h5py.File(tmp_path / "hollow.h5", "w").close()
    with pytest.raises(SourceError, match="no arrays"):
        open_source(str(tmp_path / "hollow.h5"))
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(SourceError):
        open_source(str(tmp_path / "text.h5"))


def test_a_wrong_suffix_does_not_matter(tmp_path):
    with h5py.File(tmp_path / "a.fits", "w") as file:
        file["a"] = np.ones(3)
    assert list(open_source(str(tmp_path / "a.fits"))) == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "a.h5").chmod(0)
    with pytest.raises(SourceMissing, match="denied"):
        open_source(str(tmp_path / "a.h5"))


def test_a_file_that_is_being_written_says_so(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = np.ones(3)
        file.flush()
        script = "import sys; from skydeck.sources import open_source; open_source(sys.argv[1])"
        import subprocess
        import sys

        done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.h5")], capture_output=True, text=True)
    assert "SourceError" in done.stderr and "being written" in done.stderr
