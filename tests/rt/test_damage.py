"""Whatever happens to the bytes of an object, its extractor answers with rows."""

import random
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from pyconquest_rt.rt.objects import doses, plans, structures

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

NASTY = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"nan ", b"1e99", b"-1\\2", b"\xff\xff\xff\x7f")


def damaged(data: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 40))):
        at = rng.randrange(len(spoilt))
        what = rng.randrange(3)
        if what == 0:
            spoilt[at] = rng.randrange(256)
        elif what == 1:
            spoilt[at : at + 4] = rng.choice(NASTY)
        else:
            del spoilt[at : at + rng.randrange(1, 30)]
    return bytes(spoilt)


@pytest.mark.parametrize(
    ("name", "row_of"),
    [
        ("rtstruct.dcm", lambda data: structures.extract(data).structure_set),
        ("rtplan.dcm", lambda data: plans.extract(data).plan),
        ("rtdose.dcm", doses.extract),
        ("rtdose_rle.dcm", doses.extract),
    ],
)
def test_damaged_files_give_rows(tmp_path, monkeypatch, name, row_of):
    monkeypatch.setattr(doses, "DEFERRED_BYTES", 8)
    rng = random.Random(name)
    path = tmp_path / name
    data = Path(get_testdata_file(name)).read_bytes()
    states = set()
    for _ in range(150):
        path.write_bytes(damaged(data, rng))
        row = row_of(path)
        assert (row["status"] == "ok") == (row["reason"] is None)
        states.add(row["status"])
    assert "failed" in states
    assert states - {"failed"}
