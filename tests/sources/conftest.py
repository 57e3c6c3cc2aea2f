"""A dataset with every kind of coordinate and of data, and servers on loopback."""

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr


@pytest.fixture
def every_kind() -> xr.Dataset:
    """Dims of every kind of coordinate, and variables of every kind of cell."""
    rng = np.random.default_rng(1)
    coords = {
        "floats": ("floats", [1.0, 2.5, 9.0]),  # uneven
        "falling": ("falling", [3, 2, 1, 0]),
        "gappy": ("gappy", [1.0, np.nan, 3.0]),
        "flags": ("flags", [True, False]),
        "stokes": ("stokes", ["I", "Q", "U"]),
        "time": ("time", np.array(["2026-01-01", "2026-01-01T00:00:00.000000001"], "datetime64[ns]")),
        "lag": ("lag", np.array([1, 2], "timedelta64[s]").astype("timedelta64[ns]")),
        "model": ("model", [cftime.DatetimeNoLeap(2000, 2, day) for day in (1, 28)]),
        "scalar": 3.5,
        "word": "beam",
        "lon": (("floats", "falling"), rng.normal(size=(3, 4))),
    }
    data = {
        "image": (("floats", "falling", "bare"), rng.normal(size=(3, 4, 5))),
        "complex": (("floats",), np.array([1 + 2j, np.nan, -1j])),
        "boolean": (("falling",), np.array([True, False, True, True])),
        "half": (("bare",), np.arange(5, dtype="f2")),
        "byte": (("bare",), np.arange(5, dtype="u1")),
        "short": (("bare",), np.array([0, -1, 2, 3, 32767], "i2")),
        "long": (("bare",), np.array([0, -1, 2, 3, 2**62])),
        "big": (("bare",), np.arange(5, dtype=">f4")),
        "number": ((), 7),
    }
    data |= {
        f"by_{name}": ((name,), np.arange(len(values)))
        for name, (dims, values) in [(n, c) for n, c in coords.items() if isinstance(c, tuple)]
        if dims == name
    }
    return xr.Dataset(data, coords=coords, attrs={"title": "every kind"})


def assert_same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """Equal values, dims and kinds; ints may come back wider, texts of another length."""
    assert set(found.variables) == set(expected.variables)
    for name, variable in expected.variables.items():
        assert found[name].dims == variable.dims, name
        assert found[name].dtype.kind == variable.dtype.kind, name
        np.testing.assert_array_equal(found[name].values, variable.values, err_msg=str(name))


@pytest.fixture
def same():
    return assert_same


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files with ranges, without directory listings, and what the test wants answered otherwise."""

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        path = Path(self.translate_path(self.path))
        for part, status in self.server.answers.items():
            if part in self.path:
                self.send_error(status)
                return
        if not path.is_file():
            self.send_error(404)
            return
        data, status = path.read_bytes(), 200
        total = len(data)
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(total, int(last) + 1 if last else total)
            if start >= total:
                self.send_error(416)
                return
            data, status = data[start:stop], 206
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{total}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.seen, server.answers = [], {}
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server of ``tmp_path``; ``url``, ``seen`` (paths asked for), ``answers`` (part of a path → status)."""
    with serving(tmp_path) as server:
        yield server
