"""ctkDICOM databases: images shown per second over an index that is there, and an update of which nothing is new."""

import tempfile
from pathlib import Path
from typing import Any

from common import parser, report, timed, verdict
from trees import make_ct_tree

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.exports.ctk import update
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--images", type=int, default=10_000, help="CT slices (default %(default)s)")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as name:
        rows = _rows(Path(name).resolve(), arguments.images)
    report(f"ctkDICOM, {arguments.images} images", rows, arguments.json)


def _rows(work: Path, images: int) -> list[dict[str, Any]]:
    data = make_ct_tree(work / "data", images, size=64)
    archive = Archive.open(ArchiveSettings(str(data), str(work / "x.db"), str(work / "none.sql")))
    rebuild(archive)
    found = []
    for title, target in (("first export", ">= 1000"), ("nothing new", ">= 1000")):
        times = timed(lambda: update(archive, work / "shown"))
        row = {
            "": f"{title}, images/s",
            "CPU s": times.cpu,
            "wall s": times.wall,
            "per CPU s": images / times.cpu,
        }
        found.append(row | verdict(images / times.wall, target))
    archive.close()
    return found


if __name__ == "__main__":
    main()
