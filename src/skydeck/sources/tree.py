"""Trees: stores of several groups, and which of them to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from skydeck.core.errors import SourceError
from skydeck.sources.conventions import conventional
from skydeck.sources.location import Location, parse
from skydeck.sources.magic import marker_of
from skydeck.sources.nodes import Nodes
from skydeck.sources.pfb import is_pfb, open_pfb
from skydeck.sources.remote import OPEN_SECONDS, within
from skydeck.sources.zarr_store import Store, group_summary, groups, look, open_group


def open_tree(location: Location, options: Mapping[str, str]) -> xr.Dataset:
    """A Zarr store as one Dataset.

    A pfb-imaging tree is stacked; a multiscale store shows its finest level; otherwise the group named by
    ``options["group"]``, or the first (depth first) that holds data: so a plain store is its root. Raises
    SourceError, SourceMissing.
    """
    if location.is_local:
        return _opened(location, options)
    return within(OPEN_SECONDS, location, lambda: _opened(location, options))


def _opened(location: Location, options: Mapping[str, str]) -> xr.Dataset:
    store = look(location, options)
    wanted = options.get("group", "")
    if not wanted and is_pfb(store.nodes):
        return open_pfb(store)
    path = wanted.strip("/") if wanted else default_group(store)
    return conventional(open_group(store, path), store.shown)


def default_group(store: Store) -> str:
    """The path of the group to show when none is asked for. Raises SourceError where nothing can be shown."""
    root = store.nodes.get("")
    if root is None or root.kind == "array":
        return ""
    finest = finest_level(root.attrs)
    if finest is not None and finest in store.nodes:
        return finest
    found = groups(store.nodes)
    if found:
        return found[0]
    if store.location.is_http and len(store.nodes) == 1:
        raise SourceError(
            f"{store.shown} has no consolidated metadata, and groups can't be listed over HTTP",
            remedy="Run zarr.consolidate_metadata on the store, or name a group",
        )
    raise SourceError(f"{store.shown} holds no arrays", expected="Expected a Zarr store with at least one array")


def finest_level(attrs: Mapping[str, Any]) -> str | None:
    """The child of a multiscale group that holds level 0, or None.

    Two ways of saying so: OME-NGFF's ``multiscales: [{datasets: [{path}]}]`` and the zarr convention's
    ``multiscales: {layout: [{asset}]}``.
    """
    described = attrs.get("multiscales")
    if isinstance(described, list) and described and isinstance(described[0], dict):
        return _first(described[0].get("datasets"), "path")
    return _first(described.get("layout"), "asset") if isinstance(described, dict) else None


def _first(levels: Any, key: str) -> str | None:
    if not isinstance(levels, list) or not levels or not isinstance(levels[0], dict):
        return None
    return str(levels[0].get(key, "")).strip("/") or None


def tree_choices(location: Location, options: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Groups that ``options["group"]`` may name, with what they hold; empty where there is only one thing to show."""
    if location.is_local:
        nodes = look(location, options or {}).nodes
    else:
        nodes = within(OPEN_SECONDS, location, lambda: look(location, options or {}).nodes)
    found = groups(nodes)
    return [(path or "/", group_summary(nodes, path)) for path in found] if len(found) > 1 else []


def is_tree(nodes: Nodes) -> bool:
    """Whether a store is more than one plain dataset."""
    return any(node.kind == "group" for node in nodes.children(""))


class TreeBackend(BackendEntrypoint):
    """xarray engine ``skydeck-tree``: Zarr stores and trees as :func:`open_tree` sees them."""

    description = "Zarr stores and trees (pfb-imaging, XRADIO, QuartiCal) as one dataset"
    url = "https://github.com/skydeck/skydeck"

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, group: str | None = None
    ) -> xr.Dataset:
        dataset = open_tree(parse(str(filename_or_obj)), {"group": group} if group else {})
        return dataset.drop_vars([drop_variables] if isinstance(drop_variables, str) else list(drop_variables or []))

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Only what xarray itself opens as an empty dataset: directories called ``.dt``."""
        text = str(filename_or_obj).rstrip("/")
        return text.endswith(".dt") and "://" not in text and bool(marker_of(text))
