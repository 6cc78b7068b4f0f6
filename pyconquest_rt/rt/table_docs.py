"""The documentation of the RT tables: ``python -m pyconquest_rt.rt.table_docs > docs/rt_tables.md``."""

from collections.abc import Iterable

from pyconquest_rt.dicom.tables import Column
from pyconquest_rt.rt.dvh.dvh_views import DIFFERENCE_COLUMNS, DIFFERENCE_VIEW, DVH_COLUMNS, DVH_VIEW
from pyconquest_rt.rt.objects.relations import CHAIN_COLUMNS, CHAIN_LINKS, CHAIN_VIEW
from pyconquest_rt.rt.relations import tables as geometry
from pyconquest_rt.rt.tables import TABLES


def markdown() -> str:
    """The text of docs/rt_tables.md."""
    parts = [
        "# Tables of radiotherapy",
        "Generated from `pyconquest_rt/rt/tables.py` and `rt/relations/tables.py`; do not edit by hand.",
    ]
    for table in (TABLES | geometry.TABLES).values():
        key = ", ".join(table.key)
        parts += [f"## {table.name}", f"{table.meaning} Key: {key}.", _columns(table.columns)]
    links = "\n".join(f"- `{link}`: {meaning}" for link, meaning in CHAIN_LINKS.items())
    parts += [
        f"## {CHAIN_VIEW} (view)",
        "For each RTDOSE its plan, structure set and image series; several rows where several structure sets "
        "share the frame of reference and nothing chooses.",
        _columns(CHAIN_COLUMNS),
        f"The links:\n\n{links}",
        f"## {DVH_VIEW} (view)",
        "Each DVH with what it is of: patient, plan, physician, treatment site, date, and the names of its ROI.",
        _columns(DVH_COLUMNS),
        f"## {DIFFERENCE_VIEW} (view)",
        "For each DVH that the sender put into an RTDOSE its values minus ours.",
        _columns(DIFFERENCE_COLUMNS),
        f"## {geometry.MARGIN_VIEW} (view)",
        "How much of each organ lies within some distances of a target.",
        _columns(geometry.MARGIN_COLUMNS),
        f"## {geometry.ISOCENTRE_VIEW} (view)",
        "How far each organ's centre of gravity lies from the isocentre of each beam.",
        _columns(geometry.ISOCENTRE_COLUMNS),
    ]
    return "\n\n".join(parts) + "\n"


def _columns(columns: Iterable[Column]) -> str:
    lines = [f"| {it.name} | {it.sql_type} | {it.unit} | {it.meaning} |" for it in columns]
    return "\n".join(["| column | type | unit | meaning |", "|---|---|---|---|", *lines])


if __name__ == "__main__":
    print(markdown(), end="")
