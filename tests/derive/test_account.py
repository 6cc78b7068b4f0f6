"""The account of derivations: due with the arrival, found by a look, claimed with a token and a lease."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from samples import make_object

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.cli.main import main
from pyconquest_rt.derive import account
from pyconquest_rt.derive import engine as module
from pyconquest_rt.derive.account import claims, enqueue, held, is_ours, look, prepare, sweep
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.derive.extractor import Extractor
from pyconquest_rt.indexer import rebuild

Put = Callable[..., Path]
CT = make_object().SOPClassUID
EACH = Extractor(
    name="each",
    version=1,
    sop_classes=(CT,),
    tables=("each_row",),
    scripts=("CREATE TABLE each_row(SOPInstanceUID TEXT PRIMARY KEY);",),
    extract=lambda source: {"each_row": [{"SOPInstanceUID": source.sop}]},
)
ALIKE = Extractor(
    name="alike",
    version=1,
    sop_classes=(CT,),
    tables=("alike_row",),
    scripts=("CREATE TABLE alike_row(SOPInstanceUID TEXT PRIMARY KEY);",),
    extract=lambda source: {"alike_row": [{"SOPInstanceUID": source.sop}]},
    one_per=("SeriesInst", "AcqNumber"),
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Extractor]]:
    known = [EACH, ALIKE]
    monkeypatch.setattr(module, "extractors", lambda settings: tuple(known))
    yield known


def due(archive: Archive) -> list[tuple[str, str]]:
    rows = archive.database.query("SELECT extractor, sop FROM derivations WHERE state = 'due' ORDER BY 1, 2")
    return [(row["extractor"], row["sop"]) for row in rows]


def sops(archive: Archive) -> list[str]:
    rows = archive.database.query("SELECT SOPInstanc FROM DICOMImages ORDER BY 1")
    return [row["SOPInstanc"] for row in rows]


def test_what_is_due_is_written_with_the_image_row(ingest: Archive, put: Put) -> None:
    prepare(ingest.database, [EACH, ALIKE])
    for instance in (2, 1, 3):
        put(f"{instance}.dcm", instance=instance)
        rebuild(ingest)
    first, second, third = sops(ingest)
    assert due(ingest) == [("alike", first), ("each", first), ("each", second), ("each", third)]


def test_a_transaction_that_fails_leaves_nothing_due(ingest: Archive, put: Put) -> None:
    prepare(ingest.database, [EACH])
    put("1.dcm")
    ingest.database.connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON files BEGIN SELECT RAISE(FAIL, 'disk full'); END"
    )
    with pytest.raises(Exception, match="disk full"):
        rebuild(ingest)
    assert due(ingest) == [] and sops(ingest) == []


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_of_images_that_are_alike_the_least_is_read_in_any_order(
    ingest: Archive, put: Put, order: tuple[int, ...]
) -> None:
    for instance in order:
        put(f"{instance}.dcm", instance=instance)
        rebuild(ingest)
        derive(ingest)
    assert ingest.database.query("SELECT * FROM alike_row") == [{"SOPInstanceUID": sops(ingest)[0]}]


def test_the_next_of_those_alike_is_read_when_the_first_goes(ingest: Archive, put: Put) -> None:
    for instance in (1, 2, 3):
        put(f"{instance}.dcm", instance=instance)
    rebuild(ingest)
    derive(ingest)
    first, second, _ = sops(ingest)
    remove_images(ingest.database, [first])
    assert due(ingest) == [("alike", second)]


def test_rows_that_another_program_wrote_are_found(ingest: Archive, put: Put) -> None:
    put("1.dcm")
    rebuild(ingest)
    derive(ingest)
    (sop,) = sops(ingest)
    connection = ingest.database.connection
    connection.execute("CREATE TABLE other AS SELECT * FROM DICOMImages")
    connection.execute("UPDATE other SET SOPInstanc = SOPInstanc || '.9', AcqNumber = '7'")
    connection.execute("INSERT INTO DICOMImages SELECT * FROM other")
    look(ingest.database)
    assert due(ingest) == [("alike", f"{sop}.9"), ("each", f"{sop}.9")]
    connection.execute("UPDATE derivations SET state = 'done'")
    connection.execute("UPDATE DICOMImages SET AcqNumber = '8' WHERE SOPInstanc = ?", (f"{sop}.9",))
    look(ingest.database)
    assert due(ingest) == [("alike", f"{sop}.9")]


def test_a_look_goes_over_a_large_archive_in_rounds(
    ingest: Archive, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "_ROUND", 2)
    monkeypatch.setattr(account, "_PAGE", 1)
    prepare(ingest.database, [EACH])
    for instance in range(1, 6):
        put(f"{instance}.dcm", instance=instance)
    rebuild(ingest)
    look(ingest.database)
    ingest.database.connection.execute("DELETE FROM derivations")
    counts = []
    for _ in range(4):
        look(ingest.database)
        counts.append(len(due(ingest)))
    assert counts[-1] == 5 and counts[0] < 5


def test_another_version_or_class_is_due(ingest: Archive, put: Put, registered: list[Extractor]) -> None:
    put("1.dcm")
    registered[:] = [EACH]
    rebuild(ingest)
    derive(ingest)
    newer = replace(EACH, version=2)
    prepare(ingest.database, [newer, ALIKE])
    assert enqueue(ingest.database, [newer, ALIKE]) == 2


def test_a_claim_of_a_dead_worker_comes_back_and_its_result_is_refused(ingest: Archive, put: Put) -> None:
    put("1.dcm")
    rebuild(ingest)
    prepare(ingest.database, [EACH])
    enqueue(ingest.database, [EACH])
    database = ingest.database
    claim = next(claims(database, [EACH]))
    assert is_ours(database, claim) and list(claims(database, [EACH])) == []
    database.connection.execute("UPDATE derivations SET lease = ?", (time.time() - 1,))
    sweep(database)
    assert not is_ours(database, claim)
    again = next(claims(database, [EACH]))
    assert again.token != claim.token
    assert module.derive_one(ingest, claim) == ("due", None)
    assert module.derive_one(ingest, again)[0] == "done"


def test_what_a_worker_of_another_host_holds_is_named(ingest: Archive, put: Put, tmp_path: Path) -> None:
    put("1.dcm")
    rebuild(ingest)
    derive(ingest)
    database = ingest.database
    database.connection.execute(
        "UPDATE derivations SET state = 'running', worker = 'otherhost:4711', token = 'x', lease = ? "
        "WHERE extractor = 'each'",
        (time.time() + 300,),
    )
    (one,) = held(database, ["each", "alike"])
    assert (one.worker, one.extractor, one.objects) == ("otherhost:4711", "each", 1)
    assert 290 < one.seconds < 301
    options = ["--data", str(ingest.storage.root), "--database", database.path]
    for form in ([], ["--json"]):
        result = CliRunner().invoke(main, ["derive", *options, *form])
        assert result.exit_code == 1 and "otherhost:4711" in result.output
    assert (
        json.loads(CliRunner().invoke(main, ["derive", *options, "--json"]).stdout)["held"][0]["objects"] == 1
    )


def test_nothing_is_written_where_nothing_is_due(ingest: Archive, put: Put) -> None:
    put("1.dcm")
    rebuild(ingest)
    derive(ingest)
    derive(ingest)  # which has gone over all rows once
    before = ingest.database.version()
    prepare(ingest.database, [EACH, ALIKE])
    sweep(ingest.database)
    assert enqueue(ingest.database, [EACH, ALIKE]) == 0
    assert list(claims(ingest.database, [EACH, ALIKE])) == []
    assert ingest.database.version() == before
