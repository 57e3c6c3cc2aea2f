"""Nodes: the groups and arrays of a Zarr store (format 2 or 3) as its metadata files describe them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from skydeck.core.errors import SourceError
from skydeck.sources.files import Files

MAX_NODES = 20_000
MAX_DEPTH = 16

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A group or an array. ``path`` is "" for the root; ``meta`` is all that zarr needs to open an array."""

    path: str
    kind: Literal["group", "array"]
    attrs: Json = field(default_factory=dict, repr=False)
    meta: Json = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def parent(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def format(self) -> int:
        return int(self.meta.get("zarr_format", 2))

    @property
    def shape(self) -> tuple[int, ...]:
        """Empty for arrays of an impossible shape; zarr says what is wrong with them."""
        shape = self.meta.get("shape")
        sound = isinstance(shape, list) and all(isinstance(size, int) and 0 <= size < 2**62 for size in shape)
        return tuple(shape) if sound and isinstance(shape, list) else ()

    @property
    def dims(self) -> tuple[str, ...] | None:
        """The names of the dimensions, or None where the array doesn't name each of them."""
        names = self.attrs.get("_ARRAY_DIMENSIONS") if self.format == 2 else self.meta.get("dimension_names")
        named = isinstance(names, list) and len(names) == len(self.shape)
        return (
            tuple(names) if named and isinstance(names, list) and all(isinstance(n, str) and n for n in names) else None
        )


class Nodes(dict[str, Node]):
    """Nodes by their path, parents before children; what lies in a group is found without looking at the others."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        super().__init__()
        self._below: dict[str, list[Node]] = {}
        for node in nodes:
            self.add(node)

    def add(self, node: Node) -> None:
        if node.path not in self:
            self[node.path] = node
            self._below.setdefault(node.parent if node.path else "/", []).append(node)

    def children(self, path: str) -> list[Node]:
        """What lies directly in a group, in the order of the store."""
        return self._below.get(path, [])

    def arrays(self, path: str) -> list[Node]:
        """The arrays directly in a group; of a bare array itself, that array."""
        if path in self and self[path].kind == "array":
            return [self[path]]
        return [node for node in self.children(path) if node.kind == "array"]


def read_nodes(files: Files) -> Nodes:
    """Every node by its path, parents before children; empty where there is no store.

    Consolidated metadata are used where they are complete; otherwise folders are walked, at most 20000 of them.
    Raises SourceError for metadata that aren't JSON, or not a store's.
    """
    nodes = Nodes()
    for node in _below(files, "", 0):
        nodes.add(node)
        if len(nodes) >= MAX_NODES:
            break
    return nodes


def _below(files: Files, path: str, depth: int) -> Iterator[Node]:
    found = _version3(files, path) or _version2(files, path)
    if not found or depth > MAX_DEPTH:
        return
    yield from found
    if found[0].kind == "array":
        return
    seen = {node.path for node in found}
    # Consolidated metadata say nothing of what was added since: look for folders they don't know.
    for name in files.folders(path):
        child = _join(path, name)
        if child not in seen:
            yield from _below(files, child, depth + 1)


def _version3(files: Files, path: str) -> list[Node]:
    document = _document(files, _join(path, "zarr.json"))
    if document is None:
        return []
    if document.get("zarr_format") != 3 or document.get("node_type") not in {"group", "array"}:
        raise SourceError(
            f"{files.shown(_join(path, 'zarr.json'))} isn't that of a Zarr group or array",
            expected="Expected zarr_format 3 and node_type",
        )
    consolidated = document.get("consolidated_metadata")
    inner = consolidated.get("metadata") if isinstance(consolidated, dict) else None
    found = [_node3(path, document)]
    for name, child in sorted((inner if isinstance(inner, dict) else {}).items()):
        if isinstance(child, dict):
            found.append(_node3(_join(path, name), child))
    return found


def _node3(path: str, document: Json) -> Node:
    kind: Literal["group", "array"] = "array" if document.get("node_type") == "array" else "group"
    meta = {key: value for key, value in document.items() if key != "consolidated_metadata"}
    return Node(path, kind, _attributes(document.get("attributes")), meta)


def _version2(files: Files, path: str) -> list[Node]:
    document = _document(files, _join(path, ".zmetadata"))
    entries = document.get("metadata") if document else None
    if isinstance(entries, dict):
        return _consolidated2(path, entries)
    array = _document(files, _join(path, ".zarray"))
    group = _document(files, _join(path, ".zgroup")) if array is None else None
    if array is None and group is None:
        return []
    return [_node2(path, array, _document(files, _join(path, ".zattrs")))]


def _consolidated2(path: str, entries: Json) -> list[Node]:
    found: dict[str, Node] = {}
    for name in sorted(entries):
        inner, _, file = name.rpartition("/")
        if file in {".zarray", ".zgroup"} and isinstance(entries[name], dict):
            array = entries[name] if file == ".zarray" else None
            found[inner] = _node2(_join(path, inner), array, entries.get(_join(inner, ".zattrs")))
    root = found.pop("", Node(path, "group"))
    return [root, *(found[name] for name in sorted(found))]


def _node2(path: str, array: Json | None, attrs: Any) -> Node:
    attributes = _attributes(attrs)
    if array is None:
        return Node(path, "group", attributes)
    return Node(path, "array", attributes, {**array, "attributes": attributes})


def _attributes(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _document(files: Files, name: str) -> Json | None:
    data = files.get(name)
    if data is None:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{files.shown(name)} isn't valid JSON", expected="Expected the metadata of a Zarr store"
        ) from error
    if not isinstance(document, dict):
        raise SourceError(f"{files.shown(name)} holds no JSON object", expected="Expected the metadata of a Zarr store")
    return document


def _join(path: str, name: str) -> str:
    return "/".join(part for part in (path, name) if part)
