"""Sources behind URLs, on loopback: what works, and a sentence for each way of failing."""

import contextlib
import http.server
import pickle
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import warnings

import h5py
import numpy as np
import pytest
import xarray as xr
import zarr

from skydeck.core.errors import SourceError, SourceMissing
from skydeck.sources import list_choices, open_source, remote, signature_of, sniff
from skydeck.sources.location import parse

DATA = np.arange(48.0).reshape(6, 8)


def store(path, version=3, consolidated=True):
    dataset = xr.Dataset({"a": (("y", "x"), DATA)}, {"x": np.arange(8.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.to_zarr(path, zarr_format=version, consolidated=consolidated, encoding={"a": {"chunks": (3, 4)}})
    return dataset


@pytest.mark.parametrize("version", [2, 3])
def test_a_consolidated_store_over_http(tmp_path, web, version):
    expected = store(tmp_path / "a.zarr", version)
    url = f"{web.url}/a.zarr"
    assert sniff(url) == "skydeck-tree"
    found = open_source(url)
    assert not any("c/" in path or path.endswith(("0.0", "1.1")) for path in web.seen if "/a/" in path)
    xr.testing.assert_equal(found.load(), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(open_source(url)))["a"][2].values, DATA[2])


def test_a_bare_array_needs_no_listing(tmp_path, web):
    zarr.create_array(str(tmp_path / "bare"), data=DATA)
    np.testing.assert_array_equal(open_source(f"{web.url}/bare")["data"].values, DATA)


@pytest.mark.parametrize("version", [2, 3])
def test_a_group_that_can_not_be_listed_says_so(tmp_path, web, version):
    store(tmp_path / "a.zarr", version, consolidated=False)
    with pytest.raises(SourceError, match="consolidate"):
        open_source(f"{web.url}/a.zarr")


def test_hdf5_over_http_reads_sections(tmp_path, web):
    big = np.random.default_rng(0).normal(size=(64, 65536))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=big, chunks=(1, 65536))
        file["g/b"] = np.ones(3)
    found = open_source(f"{web.url}/a.h5")
    np.testing.assert_array_equal(found["a"][40, ::1000].values, big[40, ::1000])
    assert [name for name, _ in list_choices(f"{web.url}/a.h5")] == ["/", "/g"]
    assert found["a"].nbytes == 32 * 2**20 and len(web.seen) < 40


def test_fits_and_classic_netcdf_say_that_they_must_be_local(tmp_path, web):
    (tmp_path / "a.fits").write_bytes(b"SIMPLE  =                    T" + b" " * 3000)
    (tmp_path / "a.nc").write_bytes(b"CDF\x01" + bytes(100))
    for name in ("a.fits", "a.nc"):
        with pytest.raises(SourceError, match="Download it"):
            open_source(f"{web.url}/{name}")


@pytest.mark.parametrize(
    ("status", "says"),
    [(403, "refused access"), (401, "refused access"), (404, "isn't there"), (500, "HTTP 500"), (503, "HTTP 503")],
)
@pytest.mark.parametrize("name", ["a.zarr", "a.h5"])
def test_answers_that_are_refusals(web, status, says, name):
    web.answers["a."] = status
    url = web.url.replace("//", "//me:hunter2@") + f"/{name}?token=abcdef"
    with pytest.raises(SourceMissing, match=says) as caught:
        open_source(url)
    assert "hunter2" not in str(caught.value) and "abcdef" not in str(caught.value)
    assert web.url.removeprefix("http://") in str(caught.value)


@pytest.mark.parametrize(("status", "says"), [(403, "refused access"), (404, "no Zarr store")])
def test_refusals_when_the_engine_is_named(web, status, says):
    web.answers["a.zarr"] = status
    with pytest.raises(SourceMissing, match=says):
        open_source(f"{web.url}/a.zarr", {"engine": "skydeck-tree"})


def test_credentials_reach_no_attribute(tmp_path, web):
    store(tmp_path / "a.zarr")
    found = open_source(web.url.replace("//", "//me:hunter2@") + "/a.zarr")
    assert "hunter2" not in f"{found.attrs} {found.encoding} {found} {found['a'].encoding} {found['a'].attrs}"
    np.testing.assert_array_equal(found["a"].values, DATA)


def test_a_chunk_refused_later_is_a_sentence(tmp_path, web):
    store(tmp_path / "a.zarr")
    found = open_source(web.url.replace("//", "//me:hunter2@") + "/a.zarr")
    web.answers["/a/c/1/1"] = 500
    np.testing.assert_array_equal(found["a"][0].values, DATA[0])
    with pytest.raises(SourceMissing, match="HTTP 500") as caught:
        found["a"].values  # noqa: B018
    assert "hunter2" not in str(caught.value)


def test_garbage_metadata_over_http(tmp_path, web):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/zarr.json").write_text("<html>not found, but 200</html>")
    with pytest.raises(SourceError, match="JSON"):
        open_source(f"{web.url}/a")


def test_connection_refused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceMissing, match=f"127.0.0.1:{port}.*refused"):
        open_source(f"http://me:pw@127.0.0.1:{port}/a.zarr")


def test_a_host_that_never_answers(monkeypatch):
    monkeypatch.setattr(remote, "OPEN_SECONDS", 1.0)
    monkeypatch.setattr("skydeck.sources.readers.OPEN_SECONDS", 1.0)
    monkeypatch.setattr(remote, "SILENCE_SECONDS", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://me:pw@127.0.0.1:{silent.getsockname()[1]}/a.zarr"
        with pytest.raises(SourceMissing, match=r"did not answer within 1 s") as caught:
            open_source(url)
        assert "pw" not in str(caught.value)
        deadline = time.monotonic() + 20  # its own time limit ends the thread
        while any(thread.name.startswith("open http") for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_opening_has_a_limit_of_fifteen_seconds():
    assert remote.OPEN_SECONDS == 15


def test_an_invalid_certificate(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl isn't installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        server.handle_error = lambda *_: None  # the client hangs up: that is the test
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(SourceMissing, match="TLS certificate"):
                open_source(f"https://127.0.0.1:{server.server_address[1]}/a.zarr")
        finally:
            server.shutdown()
            thread.join()


def test_a_memory_store(every_kind, same):
    import fsspec

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every_kind.to_zarr("memory://every.zarr", zarr_format=3)
    try:
        same(open_source("memory://every.zarr"), every_kind)
    finally:
        fsspec.filesystem("memory").store.clear()


class Bucket(http.server.BaseHTTPRequestHandler):
    """As much of S3 as reading a store needs: objects, ranges, and version 2 listings."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(parts.query)
        self.server.signed.append("Authorization" in self.headers)
        _, bucket, key = (*parts.path.split("/", 2), "")[:3]
        if bucket != "bucket":
            return self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        if "list-type" in query:
            return self.answer(200, self.listed(query.get("prefix", [""])[0]))
        path = self.server.root / urllib.parse.unquote(key)
        if not path.is_file():
            return self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
        data = path.read_bytes()
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            part = data[int(first) : int(last) + 1 if last else None]
            return self.answer(206, part, {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"})
        return self.answer(200, data)

    do_HEAD = do_GET

    def listed(self, prefix):
        folder = self.server.root / prefix
        items = sorted(folder.iterdir()) if folder.is_dir() and (prefix.endswith("/") or not prefix) else []
        folders = "".join(
            f"<CommonPrefixes><Prefix>{prefix}{i.name}/</Prefix></CommonPrefixes>" for i in items if i.is_dir()
        )
        files = "".join(
            f"<Contents><Key>{prefix}{i.name}</Key><Size>{i.stat().st_size}</Size><ETag>e</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for i in items
            if i.is_file()
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{files}{folders}</ListBucketResult>".encode()

    def answer(self, status, data, headers=None):
        self.send_response(status)
        headers = {"Content-Length": len(data), "ETag": '"e"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"} | (
            headers or {}
        )
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        server.daemon_threads = True
        server.root, server.signed = tmp_path, []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("consolidated", [True, False])
def test_a_store_in_a_bucket_without_credentials(tmp_path, bucket, consolidated):
    pytest.importorskip("s3fs")
    expected = store(tmp_path / "a.zarr", 3, consolidated)
    options = {"endpoint_url": bucket.url}
    xr.testing.assert_equal(open_source("s3://bucket/a.zarr", options).load(), expected)
    assert bucket.signed and not any(bucket.signed)
    with pytest.raises(SourceMissing, match=r"s3://bucket/gone\.zarr"):
        open_source("s3://bucket/gone.zarr", options)


def test_configured_credentials_sign(tmp_path, bucket, monkeypatch):
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url)
    store(tmp_path / "a.zarr")
    found = open_source("s3://bucket/a.zarr", {})
    assert found["a"].shape == (6, 8) and all(bucket.signed)
    assert "AKIAEXAMPLE" not in str(found.encoding) + str(found.attrs)


def test_an_endpoint_that_refuses(bucket):
    pytest.importorskip("s3fs")
    with pytest.raises(SourceMissing, match=r"can't be reached|refused"):
        open_source("s3://bucket/a.zarr", {"endpoint_url": "http://127.0.0.1:9", "anon": "true"})


def test_urls_have_no_signature(web):
    assert signature_of(f"{web.url}/a.zarr") is None


def test_within_hands_on_what_was_raised():
    with pytest.raises(KeyError):
        remote.within(5, parse("http://h/a"), {}.__getitem__ and (lambda: {}["a"]))
    assert remote.within(5, parse("http://h/a"), lambda: None) is None


def test_an_answer_without_end_is_cut(monkeypatch):
    class Endless(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not stopped.is_set():
                    self.wfile.write(b"[" * 65536)
                    sent.append(65536)

        def log_message(self, *_):
            pass

    stopped, sent = threading.Event(), []
    monkeypatch.setattr("skydeck.sources.files.MAX_BYTES", 2**20)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(SourceError, match="longer than"):
                open_source(f"http://127.0.0.1:{server.server_address[1]}/a.zarr")
            assert sum(sent) < 64 * 2**20
        finally:
            stopped.set()
            server.shutdown()
            thread.join()
