"""Files: the metadata files of a store, local or remote, never more of them than is reasonable."""

from __future__ import annotations

import os
from itertools import islice
from typing import Any, Protocol

from skydeck.core.errors import SourceError
from skydeck.sources.location import Location

MAX_BYTES = 64 * 2**20  # one metadata file; the largest seen in practice is 5 MB
MAX_NAMES = 20_000


class Files(Protocol):
    def get(self, name: str) -> bytes | None:
        """A small file's bytes, or None where there is none. Raises SourceError above 64 MiB."""
        ...

    def folders(self, name: str) -> list[str]:
        """Names of the folders directly in a folder, sorted; empty where that can't be found out."""
        ...

    def shown(self, name: str) -> str:
        """Where a file is, without secrets."""
        ...


class LocalFiles:
    """Files of a local directory; ``get`` and ``folders`` as in :class:`Files`."""

    def __init__(self, root: str) -> None:
        self.root = root

    def get(self, name: str) -> bytes | None:
        path = os.path.join(self.root, name)
        try:
            if not os.path.isfile(path):
                return None
            if os.path.getsize(path) > MAX_BYTES:
                raise _too_long(path)
            with open(path, "rb") as file:
                return file.read(MAX_BYTES)
        except FileNotFoundError:
            return None

    def folders(self, name: str) -> list[str]:
        with os.scandir(os.path.join(self.root, name)) as entries:
            names = islice((entry.name for entry in entries if entry.is_dir()), MAX_NAMES)
            return sorted(name for name in names if not name.startswith("."))

    def shown(self, name: str) -> str:
        return os.path.join(self.root, name)


class RemoteFiles:
    """Files below a URL; ``get`` and ``folders`` as in :class:`Files`."""

    def __init__(self, filesystem: Any, root: str, location: Location) -> None:
        self.filesystem = filesystem
        self.root = root
        self.location = location
        self.refused: Exception | None = None

    def get(self, name: str) -> bytes | None:
        path = f"{self.root}/{name}"
        try:
            data = beginning(self.filesystem, path, MAX_BYTES + 1)
        except (FileNotFoundError, IsADirectoryError):
            return None
        except Exception as error:  # aiohttp and botocore share no base class; only "forbidden" is of interest here
            if getattr(error, "status", None) not in {401, 403} and not isinstance(error, PermissionError):
                raise
            self.refused = error  # S3 answers 403 for what isn't there, too
            return None
        if len(data) > MAX_BYTES:
            raise _too_long(self.shown(name))
        return data

    def shown(self, name: str) -> str:
        return f"{self.location.shown}/{name}"

    def folders(self, name: str) -> list[str]:
        path = f"{self.root}/{name}".rstrip("/")
        try:
            entries = self.filesystem.ls(path, detail=True)
        except FileNotFoundError:
            return []
        names = {str(entry["name"]).rstrip("/").rsplit("/", 1)[-1] for entry in entries if entry["type"] == "directory"}
        return sorted(name for name in names if not name.startswith("."))[:MAX_NAMES]


def beginning(filesystem: Any, path: str, count: int) -> bytes:
    """The first ``count`` bytes of a remote file, or all of it; no more, even of servers that don't know ranges."""
    if "http" not in filesystem.protocol:
        return bytes(filesystem.cat_file(path, start=0, end=count))
    from fsspec.asyn import sync

    return bytes(sync(filesystem.loop, _http_beginning, filesystem, path, count))


async def _http_beginning(filesystem: Any, url: str, count: int) -> bytes:
    session = await filesystem.set_session()
    data = bytearray()
    headers = {"Range": f"bytes=0-{count - 1}"}
    async with session.get(filesystem.encode_url(url), headers=headers, **filesystem.kwargs) as response:
        if response.status == 404:
            raise FileNotFoundError(url)
        response.raise_for_status()
        async for part in response.content.iter_chunked(2**16):
            data += part
            if len(data) >= count:
                break
    return bytes(data[:count])


def _too_long(path: str) -> SourceError:
    return SourceError(f"{path} is longer than 64 MiB", expected="Expected a metadata file of a Zarr store")
