"""Doctor: each check on a machine that is well, and on one made ill."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skydeck.server import doctor
from skydeck.server.doctor import Check, differing, disk_speed, examine, scheduler_check
from skydeck.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(port=0, cache_dir=tmp_path / "cache")


@pytest.fixture
def few_files() -> Iterator[None]:
    """No more than 200 open files, for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_every_check_has_a_finding_and_a_remedy_where_it_is_needed(settings: Settings) -> None:
    found = list(examine(settings, {"SKYDECK_PROT": "1"}))
    assert [check.name for check in found] == [*doctor.CHECKS, "environment"]
    assert all(check.found for check in found)
    assert all(check.remedy for check in found if check.status != "ok")
    assert found[-1] == Check("environment", "warn", "Not a setting: SKYDECK_PROT", "Correct the name, or unset it")


def test_a_check_that_breaks_does_not_hide_the_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(settings: Settings) -> Check:
        raise ZeroDivisionError("ouch")

    monkeypatch.setattr(doctor, "CHECKS", {"first": broken, "second": doctor.check_memory})
    first, second, _ = examine(settings, {})
    assert (first.status, second.name) == ("fail", "memory")
    assert "ouch" in first.found


def test_a_taken_port_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = doctor.check_port(load(port=server.getsockname()[1]))
    assert found.status == "fail"
    assert "--port" in found.remedy


def test_access_from_a_network() -> None:
    assert doctor.check_access(load()).status == "ok"
    assert doctor.check_access(load(host="0.0.0.0")).status == "fail"
    assert doctor.check_access(load(host="0.0.0.0", insecure=True)).status == "warn"


def test_lost_data_are_named(tmp_path: Path) -> None:
    sources: dict[str, Any] = {"far": "https://host/a.zarr", "near": str(tmp_path / "lost.fits")}
    found = doctor.check_data(load(roots=(tmp_path,), sources=sources))
    assert found.status == "warn"
    assert "lost.fits" in found.found and "https" not in found.found
    assert doctor.check_data(load(roots=(tmp_path,))).found == "1 roots and sources are readable"


def test_few_open_files_fail(few_files: None) -> None:
    found = doctor.check_files(load())
    assert (found.status, "ulimit -n" in found.remedy) == ("fail", True)


def test_a_cache_larger_than_memory_warns() -> None:
    assert doctor.check_memory(load(cache_bytes=10**15)).status == "warn"


def test_disk_speed_leaves_nothing_behind(tmp_path: Path) -> None:
    written, read = disk_speed(tmp_path, 3 << 20)
    assert written > 0 and read > 0
    assert not list(tmp_path.iterdir())


def test_a_cache_that_is_no_directory_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = doctor.check_disk(load(cache_dir=tmp_path / "file" / "cache"))
    assert found.status == "fail"
    assert "cache_dir" in found.remedy


def test_presets_need_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert doctor.check_config_dir(load()).status == "ok"
    (tmp_path / "skydeck").write_text("")
    assert doctor.check_config_dir(load()).status == "warn"


def test_numba_is_tried_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "workqueue")
    found = doctor.check_threading(load())
    assert (found.status, "tbb" in found.remedy) == ("warn", True)
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "nonsense")
    assert doctor.check_threading(load()).status == "fail"


def test_the_clock_is_watched() -> None:
    assert abs(doctor.clock_step(0.01)) < 1
    assert doctor.check_clock(load()).status in ("ok", "warn")
    assert doctor.kept_by_ntp() in (None, True, False)


def test_an_implausible_year_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "YEARS", range(1970, 1971))
    assert doctor.check_clock(load()).status == "fail"


def versions(**packages: str | None) -> dict[str, Any]:
    return {"packages": packages}


def test_versions_of_a_cluster_are_compared() -> None:
    ours = versions(python="3.11.7.final.0", numpy="2.4.6", lz4=None)
    patched = versions(python="3.11.9.final.0", numpy="2.4.6", lz4=None)
    told = {"client": ours, "scheduler": ours, "workers": {"tcp://a:1": patched}}
    assert scheduler_check("tcp://s:1", told).status == "ok"
    told["workers"]["tcp://b:1"] = versions(python="3.12.0.final.0", numpy="2.4.5", lz4=None)
    wrong = scheduler_check("tcp://s:1", told)
    assert wrong.status == "fail"
    assert "numpy, python" in wrong.found
    assert scheduler_check("tcp://s:1", {**told, "workers": {}}).status == "warn"


def test_a_package_that_only_one_side_knows_is_no_difference() -> None:
    assert differing({"numpy": "1", "only here": "1"}, {"numpy": "1", "only there": "1"}) == []
    assert differing({"lz4": "1"}, {"lz4": None}) == ["lz4"]


def test_a_scheduler_that_does_not_answer_fails() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        found = doctor.check_scheduler(load(scheduler=f"tcp://127.0.0.1:{unheard.getsockname()[1]}"))
    assert found.status == "fail"
    assert "No dask scheduler answers" in found.found


@pytest.mark.slow
def test_a_real_scheduler_is_asked(tmp_path: Path) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        host="127.0.0.1",
        local_directory=str(tmp_path),
    ) as cluster:
        found = doctor.check_scheduler(load(scheduler=cluster.scheduler_address))
    assert (found.status, "1 workers" in found.found) == ("ok", True), found


def test_without_a_scheduler_it_is_said_who_works() -> None:
    assert "threads" in doctor.check_scheduler(load()).found
    assert "3 worker processes" in doctor.check_scheduler(load(workers=3)).found
