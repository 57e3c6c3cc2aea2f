"""The project's own files agree with each other and with the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from packaging.requirements import Requirement

import skydeck
from skydeck.cli import app
from skydeck.settings import Settings

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONDA_NAMES = {"playwright": "playwright-python"}
LINK = re.compile(r"\]\(([^)\s]+)\)")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert skydeck.__version__ == version
    assert f"## [{version}]" in read("CHANGELOG.md")
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == version
    assert f"## [{version}] - {citation['date-released']}" in read("CHANGELOG.md")


def test_the_citation_has_what_the_format_asks_for() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type"} <= set(citation)
    assert citation["license"] == PROJECT["project"]["license"]


@pytest.mark.parametrize(
    "text",
    [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["test"],
        *PROJECT["project"]["optional-dependencies"]["s3"],
    ],
)
def test_the_conda_environment_has_each_dependency(text: str) -> None:
    wanted = Requirement(text)
    conda = [item for item in yaml.safe_load(read("environment.yml"))["dependencies"] if isinstance(item, str)]
    found = {requirement.name: requirement for requirement in map(Requirement, conda)}
    name = CONDA_NAMES.get(wanted.name, wanted.name)
    assert name in found
    assert found[name].specifier == wanted.specifier


def test_the_conda_environment_has_no_more_than_that() -> None:
    conda = {Requirement(item).name for item in yaml.safe_load(read("environment.yml"))["dependencies"]}
    groups = PROJECT["project"]["optional-dependencies"]
    ours = {Requirement(text).name for text in [*PROJECT["project"]["dependencies"], *groups["test"], *groups["s3"]]}
    assert conda - {CONDA_NAMES.get(name, name) for name in ours} == {"python", "pip"}


def test_the_conda_environment_has_the_same_python() -> None:
    assert f"python{PROJECT['project']['requires-python']}" in yaml.safe_load(read("environment.yml"))["dependencies"]


def copied() -> list[str]:
    """What the Dockerfile copies from here."""
    lines = [line.split()[1:] for line in read("Dockerfile").splitlines() if line.startswith("COPY ")]
    return [source for words in lines if not words[0].startswith("--from") for source in words[:-1]]


def test_what_the_image_copies_is_there_and_sent() -> None:
    sent = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert source in sent


def test_the_wheel_that_the_image_builds_has_its_files() -> None:
    needed = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"], "pyproject.toml"}
    assert needed <= set(copied())


def test_the_image_runs_a_command_that_exists() -> None:
    command = next(line for line in read("Dockerfile").splitlines() if line.startswith("CMD "))
    words = yaml.safe_load(command.removeprefix("CMD "))
    assert words[0] in PROJECT["project"]["scripts"]
    options = {option for name, option in all_options() if name == words[1]}
    assert {word for word in words if word.startswith("--")} <= options
    assert "USER skydeck" in read("Dockerfile")


def test_the_scripts_parse() -> None:
    subprocess.run(["bash", "-n", str(ROOT / ".ci/run")], check=True, timeout=30)
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("target", ["help", "demo", "test", "bench", "lint", "format", "docs", "clean"])
def test_the_makefile_knows_each_target(target: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    run = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", [".pre-commit-config.yaml", "environment.yml", "mkdocs.yml", "CITATION.cff"])
def test_yaml_parses(path: str) -> None:
    assert isinstance(yaml.safe_load(read(path)), dict)


@pytest.mark.parametrize("path", DOCS, ids=str)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall((ROOT / path).read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        file = (ROOT / path).parent / target if target else ROOT / path
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached() -> None:
    listed = set(re.findall(r"[\w./-]+\.md", read("mkdocs.yml")))
    assert {str(path.relative_to("docs")) for path in DOCS if path.parts[0] == "docs"} == listed


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_described(name: str) -> None:
    description = Settings.model_fields[name].description
    row = next(line for line in read("docs/reference/settings.md").splitlines() if line.startswith(f"| `{name}` |"))
    assert description
    assert row.endswith(f"| {description} |")


def all_options() -> list[tuple[str, str]]:
    """Command and long option, of all commands."""
    commands = vars(typer.main.get_command(app))["commands"]
    return [
        (name, option)
        for name, command in commands.items()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    ]


@pytest.mark.parametrize(("command", "option"), all_options())
def test_every_option_is_described(command: str, option: str) -> None:
    sections = re.split(r"^## ", read("docs/reference/cli.md"), flags=re.MULTILINE)
    section = next(text for text in sections if text.startswith(f"`skydeck {command}"))
    assert f"`{option}" in section


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(skydeck.__file__).with_name("py.typed").exists()


def test_the_readme_begins_with_what_one_needs_first() -> None:
    screen = "\n".join(read("README.md").splitlines()[:20])
    for words in ("docs/images/explorer.png", "make demo", "make test"):
        assert words in screen


def test_no_page_fetches_anything() -> None:
    """Pictures and badges come from here."""
    for path in DOCS:
        for link in re.findall(r"!\[[^]]*\]\(([^)]+)\)", (ROOT / path).read_text(encoding="utf-8")):
            assert "://" not in link, path
    assert yaml.safe_load(read("mkdocs.yml"))["theme"]["font"] is False
