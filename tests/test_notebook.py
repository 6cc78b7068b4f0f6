"""The notebook in examples does what it says: its cells are run in order, in an empty folder."""

import json
from pathlib import Path

NOTEBOOK = Path(__file__).parent.parent / "examples/first_look.ipynb"


def test_every_cell_runs(in_folder: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    names: dict[str, object] = {"__name__": "__notebook__"}
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5 and all(not cell.get("outputs") for cell in cells)
    for number, source in enumerate(code, 1):
        exec(compile(source, f"cell {number}", "exec"), names)
    assert {"archive", "metrics", "curves"} <= names.keys()
    assert len(names["metrics"]) > 100 and Path("dvh.png").stat().st_size > 10_000  # type: ignore[arg-type]
