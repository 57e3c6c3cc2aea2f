"""OVRO-LWA beam recordings, written by h5py calls after the documented layout, also by another process."""

import pickle
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest
import xarray as xr

from skydeck.core.errors import SourceError
from skydeck.sources import list_choices, open_source, sniff
from skydeck.sources.lwa_beam import block_of, start_of

WIDTH = 196e6 / 8192
STEP = 24 * 8192 / 196e6 * 256  # time_avg 256
START = 1795231794


def layout(file, rows, channels, products=("XX", "YY", "XY_real", "XY_imag"), observation=1, average=1):
    """The groups, attributes and empty datasets of a recorder, values to be filled in by the caller."""
    file.attrs.update({"ObserverName": "A. Nother", "StationName": "ovro-lwa", "FileGenerator": "lwahdf.py"})
    file.attrs.update({"ConfigFile": "http://u:hunter2@h/x", "FileCreation": "UTC 2026/11/21 03:29:54"})
    group = file.require_group(f"Observation{observation}")
    group.attrs.update(
        {"TargetName": "Sun", "RA": -99.0, "Beam": 2, "tInt": STEP, "RBW": WIDTH * average, "nChan": channels}
    )
    time = group.create_dataset("time", (rows,), [("int", "<i8"), ("frac", "<f8")])
    time.attrs.update({"format": "unix", "scale": "utc"})
    tuning = group.create_group("Tuning1")
    tuning["freq"] = (560 + (np.arange(channels) + 0.5) * average - 0.5) * WIDTH
    for name in products:
        tuning.create_dataset(name, (rows, channels), "<f4", chunks=(min(rows, 50), channels))
    return group


def stamps(rows):
    """Start times row by row, as whole and fractional unix seconds."""
    ticks = [START * 10**9 + round(row * STEP * 1e9) for row in range(rows)]
    found = np.zeros(rows, [("int", "<i8"), ("frac", "<f8")])
    found["int"], found["frac"] = [t // 10**9 for t in ticks], [t % 10**9 / 1e9 for t in ticks]
    return found


def recording(path, rows=120, written=120, channels=384, **options):
    """A recording with known values: 1 + row + channel/1000 in XX, twice that in the next product, and so on."""
    values = 1 + np.arange(written)[:, None] + np.arange(channels) / 1000
    with h5py.File(path, "w", libver="latest") as file:
        group = layout(file, rows, channels, **options)
        group["time"][:written] = stamps(written)
        for number, name in enumerate(n for n in group["Tuning1"] if n != "freq"):
            group["Tuning1"][name][:written] = values * (number + 1)
    return values.astype("f4")


def test_axes_values_and_attributes(tmp_path):
    values = recording(tmp_path / "059675_225623366852bf11a30")
    path = str(tmp_path / "059675_225623366852bf11a30")
    found = open_source(path)
    assert sniff(path) == "skydeck-lwa-beam"
    assert list(found) == ["XX", "YY", "XY_real", "XY_imag"] and found["XX"].dims == ("time", "frequency")
    np.testing.assert_array_equal(found["XX"].values, values)
    np.testing.assert_allclose(found["frequency"][[0, -1]], [560 * WIDTH, 943 * WIDTH])
    assert found["frequency"].attrs["units"] == "Hz"
    middle = np.datetime64(START, "s").astype("datetime64[ns]") + np.timedelta64(round(STEP / 2 * 1e9), "ns")
    assert abs(found["time"].values[0] - middle) <= np.timedelta64(1, "ns")
    np.testing.assert_allclose(np.diff(found["time"].values).astype(float), STEP * 1e9, atol=2)
    assert found.attrs["TargetName"] == "Sun" and found.attrs["unwritten_rows"] == 0
    assert "hunter2" not in str(found.attrs)
    assert not found["XX"].variable._in_memory


def test_sections_equal_numpy_and_pickle(tmp_path):
    values = recording(tmp_path / "a")
    found = open_source(str(tmp_path / "a"))["XX"]
    for key in [
        (5, 7),
        (slice(3, 90, 7), 300),
        (8, slice(350, 2, -9)),
        (slice(90, 2, -5), slice(95, 97)),
        (slice(0, 0), slice(None)),
    ]:
        np.testing.assert_array_equal(found[key].values, values[key])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found))[3].values, values[3])


def test_unwritten_rows_are_cut_off_and_counted(tmp_path):
    recording(tmp_path / "a", rows=400, written=130)
    found = open_source(str(tmp_path / "a"))
    assert found.sizes["time"] == 130 and found.attrs["unwritten_rows"] == 270


def test_rows_nobody_wrote_between_others_are_nan_and_keep_their_place(tmp_path):
    values = recording(tmp_path / "a", rows=100, written=80)
    with h5py.File(tmp_path / "a", "r+") as file:
        for row in (10, 11, 79):
            file["Observation1/time"][row] = (0, 0.0)
            for name in ("XX", "YY", "XY_real", "XY_imag"):
                file["Observation1/Tuning1"][name][row] = 0
        file["Observation1/Tuning1/XX"][11] = 5  # bytes that were never declared written
    found = open_source(str(tmp_path / "a"))
    assert found.sizes["time"] == 79
    assert np.isnan(found["XX"].values[10:12]).all()
    np.testing.assert_array_equal(found["XX"].values[12:], values[12:79])
    np.testing.assert_allclose(np.diff(found["time"].values).astype(float), STEP * 1e9, atol=2)


@pytest.mark.parametrize(("average", "channels", "block"), [(1, 384, 96), (4, 96, 24), (32, 12, 3), (64, 12, 3)])
def test_dead_pipelines_are_nan_whatever_part_is_read(tmp_path, average, channels, block):
    assert block_of(WIDTH * average) == block
    expected = recording(tmp_path / "a", channels=channels, average=average)
    with h5py.File(tmp_path / "a", "r+") as file:
        data = file["Observation1/Tuning1/XX"]
        data[20:30, block : 2 * block] = 0  # dead for ten rows
        data[:, 3 * block : 4 * block] = 0  # dead throughout
        data[5, 0] = 0  # a single zero is a number
        data[40:50, 2 * block] = np.nan
    expected[20:30, block : 2 * block] = expected[:, 3 * block : 4 * block] = np.nan
    expected[5, 0] = 0
    expected[40:50, 2 * block] = np.nan
    found = open_source(str(tmp_path / "a"))["XX"]
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_array_equal(found[:, block + 1].values, expected[:, block + 1])
    np.testing.assert_array_equal(found[25, block + 1 : 3 * block : 2].values, expected[25, block + 1 : 3 * block : 2])
    np.testing.assert_array_equal(
        found[3::4, 2 * block : 2 * block + 1].values, expected[3::4, 2 * block : 2 * block + 1]
    )


@pytest.mark.parametrize("products", [("I", "Q", "U", "V"), ("I", "V"), ("XX", "YY"), ("XY_real", "XY_imag")])
def test_other_products(tmp_path, products):
    recording(tmp_path / "a", products=products)
    assert tuple(open_source(str(tmp_path / "a"))) == products


def test_several_observations_and_extra_datasets(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        for observation, rows in ((1, 4), (2, 6), (10, 8)):
            group = layout(file, rows, 96, observation=observation)
            group["time"][:] = stamps(rows)
            group["Tuning1/XX"][:] = observation
            group["Tuning1/Saturation"] = np.zeros((rows, 2))
        file.copy("Observation2/Tuning1", "Observation2/Tuning2")
        file["Observation2/Tuning2/XX"][:] = 22
    path = str(tmp_path / "a")
    assert [name for name, _ in list_choices(path)] == [
        "Observation1/Tuning1", "Observation2/Tuning1", "Observation2/Tuning2", "Observation10/Tuning1",
    ]  # fmt: skip
    assert list_choices(path)[0][1] == "4 × 96, XX, YY, XY_real, XY_imag"
    assert open_source(path)["XX"].shape == (4, 96)
    assert open_source(path, {"observation": "10"})["XX"][0, 0].item() == 10
    assert open_source(path, {"group": "Observation2/Tuning2"})["XX"][0, 0].item() == 22
    for wrong in ("3", "Observation1/Tuning9", "x", "../.."):
        with pytest.raises(SourceError, match="Observation10/Tuning1"):
            open_source(path, {"group": wrong})


@pytest.mark.parametrize("name", ["059675_225623366852bf11a30", "unnamed"])
def test_without_a_time_axis_one_is_made(tmp_path, name):
    recording(tmp_path / name, rows=300, written=70)
    with h5py.File(tmp_path / name, "r+") as file:
        del file["Observation1/time"]
    found = open_source(str(tmp_path / name))
    begun = "2022-04-06T22:56:23.366852" if name.startswith("0") else "2026-11-21T03:29:54"
    assert found.sizes["time"] == 70 and "made from its name and tInt" in found.attrs["notes"]
    assert abs(
        found["time"].values[0] - np.datetime64(begun, "ns") - np.timedelta64(round(STEP * 5e8), "ns")
    ) < np.timedelta64(2, "ns")


def test_without_any_time_rows_are_counted(tmp_path):
    recording(tmp_path / "a", rows=60, written=55)
    with h5py.File(tmp_path / "a", "r+") as file:
        del file["Observation1/time"], file.attrs["FileCreation"]
    found = open_source(str(tmp_path / "a"))
    assert "time" not in found.coords and found.sizes["time"] == 55


def test_a_file_with_nothing_written_yet(tmp_path):
    recording(tmp_path / "a", rows=60, written=0)
    found = open_source(str(tmp_path / "a"))
    assert found["XX"].shape == (0, 384) and found["XX"].values.shape == (0, 384)


RECORDER = textwrap.dedent(
    """
    import sys
    import h5py, numpy as np
    path, swmr = sys.argv[1], sys.argv[2] == "swmr"
    rows, channels, step = 500, 96, 24 * 8192 / 196e6 * 256
    file = h5py.File(path, "w", libver="latest")
    file.attrs["FileGenerator"] = "lwahdf.py"
    group = file.create_group("Observation1")
    group.attrs["tInt"], group.attrs["RBW"] = step, 196e6 / 8192
    time = group.create_dataset("time", (rows,), [("int", "<i8"), ("frac", "<f8")])
    tuning = group.create_group("Tuning1")
    tuning["freq"] = np.arange(channels) * 1e4 + 13e6
    xx = tuning.create_dataset("XX", (rows, channels), "<f4", chunks=(64, channels))
    if swmr:
        file.swmr_mode = True
    written = 0
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        xx[written:written + count] = np.arange(written, written + count)[:, None] + 1
        stamp = np.zeros(count, time.dtype)
        stamp["int"] = 1795231794 + np.arange(written, written + count)
        time[written:written + count] = stamp
        written += count
        xx.flush()
        print("flushed", flush=True)
    file.close()
    """
)


@pytest.fixture
def recorder(tmp_path):
    """Start a recorder in a process of its own; call it to write rows and flush."""
    started = []

    def start(mode):
        path = str(tmp_path / "059675_225623366852bf11a30")
        process = subprocess.Popen(
            [sys.executable, "-c", RECORDER, path, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"

        def write(rows):
            process.stdin.write(f"{rows}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "flushed\n"

        return path, write

    yield start
    for process in started:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def test_a_recording_in_progress_grows_each_time_it_is_opened(recorder):
    path, write = recorder("swmr")
    write(100)
    first = open_source(path)
    assert first.sizes["time"] == 100 and first.attrs["unwritten_rows"] == 400
    np.testing.assert_array_equal(first["XX"][:, 3].values, np.arange(100) + 1)
    assert first["time"].dtype.kind == "M"
    write(37)
    second = open_source(path)
    assert second.sizes["time"] == 137
    np.testing.assert_array_equal(second["XX"][-1].values, np.full(96, 137))
    np.testing.assert_array_equal(first["XX"][:, 3].values, np.arange(100) + 1)


def test_a_recording_without_swmr_says_that_it_must_finish(recorder):
    path, write = recorder("exclusive")
    write(10)
    with pytest.raises(SourceError, match="being written by another program"):
        open_source(path)


def test_the_name_and_the_attribute_of_the_beginning():
    assert start_of("059675_225623366852bf11a30", "") == np.datetime64("2022-04-06T22:56:23.366852", "ns")
    assert start_of("x", "UTC 2026/11/21 03:29:54") == np.datetime64("2026-11-21T03:29:54", "ns")
    assert start_of("x", "yesterday") is None


def test_as_an_xarray_engine(tmp_path):
    from skydeck.sources.lwa_beam import LwaBeamBackend

    recording(tmp_path / "a")
    assert LwaBeamBackend().guess_can_open(str(tmp_path / "a"))
    (tmp_path / "b").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    assert not LwaBeamBackend().guess_can_open(str(tmp_path / "b"))
    found = xr.open_dataset(str(tmp_path / "a"), engine=LwaBeamBackend, drop_variables="YY", chunks={"time": 50})
    assert found["XX"].chunks[0] == (50, 50, 20) and "YY" not in found
    assert float(found["XX"].sum()) > 0
