"""Handles of HDF5 files: none is left open locally, few remotely, and threads may share them."""

import os
import threading

import h5py
import numpy as np
import pytest

from skydeck.sources import hdf5_file as module
from skydeck.sources import open_source
from skydeck.sources.hdf5_file import hdf5_file


def made(path, value=1.0):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.full((64, 64), value), chunks=(8, 64), compression="gzip")
    return str(path)


def test_no_descriptor_is_left_open(tmp_path):
    found = open_source(made(tmp_path / "a.h5"))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for row in range(50):
        assert found["a"][row, 0].item() == 1
    assert not before or len(os.listdir("/proc/self/fd")) <= before + 1


def test_many_threads_read_the_right_cells(tmp_path):
    data = np.arange(64.0 * 64).reshape(64, 64)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=data, chunks=(8, 64), compression="gzip")
    found, wrong = open_source(str(tmp_path / "a.h5"))["a"], []

    def read(seed: int) -> None:
        for row in np.random.default_rng(seed).integers(0, 64, 40):
            if not np.array_equal(found[row].values, data[row]):
                wrong.append(row)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_few_remote_files_stay_open_and_opening_again_sees_the_new_one(tmp_path, web, monkeypatch):
    monkeypatch.setattr(module, "_MAX_REMOTE", 2)
    for number in range(4):
        made(tmp_path / f"{number}.h5", number)
    found = [open_source(f"{web.url}/{number}.h5") for number in range(4)]
    assert [int(dataset["a"][0, 0]) for dataset in found] == [0, 1, 2, 3]
    assert len(module._remote) == 2
    made(tmp_path / "3.h5", 33)
    assert int(open_source(f"{web.url}/3.h5")["a"][0, 0]) == 33


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError), hdf5_file(str(tmp_path / "gone.h5")):
        pass
