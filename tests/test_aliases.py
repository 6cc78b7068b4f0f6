"""Public modules that have moved are still found under their former names."""

import importlib

import pytest

ALIASES = [
    ("config", "settings.file", "load"),
    ("extractor", "derive.extractor", "Extractor"),
    ("hooks", "service.hooks", "Stored"),
    ("schema", "database.schema", "default"),
    ("settings", "settings.sections", "ArchiveSettings"),
    ("worker", "service.worker", "main"),
]


@pytest.mark.parametrize(("alias", "module", "name"), ALIASES)
def test_an_alias_gives_what_its_module_gives(alias: str, module: str, name: str) -> None:
    former = importlib.import_module(f"pyconquest_rt.{alias}")
    assert getattr(former, name) is getattr(importlib.import_module(f"pyconquest_rt.{module}"), name)


def test_an_archive_was_called_ingest() -> None:
    from pyconquest_rt.archive.archive import Archive
    from pyconquest_rt.ingest import Ingest

    assert Ingest is Archive
