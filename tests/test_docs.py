"""The documentation is what the code says: generated pages, commands, settings, links."""

import importlib.util
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import test_readme

from pyconquest_rt import pyconquest
from pyconquest_rt.demo import make_patients
from pyconquest_rt.settings import file as config

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says(generate: ModuleType) -> None:
    stale = [
        name for name, text in generate.pages().items() if (generate.FOLDER / name).read_text("utf-8") != text
    ]
    assert stale == [], "run: python docs/generate.py"
    assert sorted(path.name for path in generate.FOLDER.iterdir()) == sorted(generate.pages())


def test_a_page_that_is_not_up_to_date_is_named(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path / "reference")
    assert generate.run(check=True) == 1
    assert generate.run(check=False) == 0
    assert generate.run(check=True) == 0
    (tmp_path / "reference/settings.md").write_text("old")
    capsys.readouterr()
    assert generate.run(check=True) == 1
    assert "settings.md" in capsys.readouterr().out


def test_every_table_is_explained(generate: ModuleType) -> None:
    sections = re.split(r"^## ", generate.pages()["tables.md"], flags=re.MULTILINE)[1:]
    silent = [
        section.split("\n", 1)[0]
        for section in sections
        if section.split("\n\n")[1].startswith("|") and "(view)" not in section.split("\n", 1)[0]
    ]
    assert silent == []


RunPage = Callable[[str, dict[str, object]], None]


@pytest.fixture
def run_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPage:
    """Run every block of a page, over some names, in the working directory."""
    test_readme.make_command(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY), prepend=os.pathsep)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(page: str, names: dict[str, object]) -> None:
        monkeypatch.setattr(test_readme, "README", DOCS / page)
        for block in test_readme.blocks():
            if block.language not in ("text", "toml"):
                test_readme.RUNNERS[block.language](block, names)

    return run


@pytest.mark.parametrize(
    "page",
    [
        "tutorial.md",
        "howto/export.md",
        "howto/hooks.md",
        "howto/network.md",
        "howto/sources.md",
        "howto/upkeep.md",
    ],
)
def test_every_block_of_pages_to_follow(page: str, run_page: RunPage) -> None:
    lock = Path(".conquest.db.serve.lock")
    try:
        run_page(page, {"__name__": "__tutorial__"})
    except BaseException:
        if lock.exists():
            os.kill(int(lock.read_text()), 15)
        raise


@pytest.mark.parametrize("page", ["dvh.md", "dose_reports.md", "sql.md", "goals.md"])
def test_every_block_of_pages_about_results(page: str, run_page: RunPage) -> None:
    make_patients(Path("reports"), count=1)
    objects = {"rs": "RTSTRUCT", "rd": "RTDOSE", "report": "SR"}
    for name, kind in objects.items():
        shutil.copy(f"reports/DEMO001/{kind}.dcm", f"{name}.dcm")
    with pyconquest() as archive:
        archive.store_dicom_files_from_directory("reports")
        archive.derive()
        run_page(page, {"archive": archive})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_settings_and_links_of_every_page(page: Path) -> None:
    text = page.read_text("utf-8")
    for block in re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert config.parse(block)[1] == []
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)\)", prose):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_example_stands_in_the_docs_as_it_is() -> None:
    example = (REPOSITORY / "examples/ct_exposure/ct_exposure.py").read_text("utf-8")
    assert example in (DOCS / "howto/extend.md").read_text("utf-8")


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = (REPOSITORY / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r": (\S+\.md)$", contents, re.MULTILINE)
    assert {str(page.relative_to(DOCS)) for page in PAGES} <= set(listed)


def test_readme_links_every_page() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    assert [str(page) for page in PAGES if f"({page.relative_to(REPOSITORY)})" not in readme] == []


def test_every_room_of_the_house_is_named() -> None:
    package = REPOSITORY / "pyconquest_rt"
    rooms = {
        path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    house = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8").partition("## The house")[2]
    assert rooms - {"__init__", "__main__"} <= set(re.findall(r"`(\w+)`", house.partition("## How to")[0]))
