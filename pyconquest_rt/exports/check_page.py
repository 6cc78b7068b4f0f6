"""What a check found as one HTML file that needs nothing else: no script, no other file."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_STYLE = (
    "body{font:15px sans-serif;margin:2em;max-width:75em}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}"
    "td{overflow-wrap:anywhere}.error{color:#a00;font-weight:bold}.warning{color:#850}.note{color:#555}"
    "pre{background:#f6f6f6;padding:.6em;overflow-x:auto}"
)
_COLUMNS = ("severity", "kind", "patient_id", "subject", "text")


def page(found: Mapping[str, Any], trees: Mapping[str, Sequence[str]]) -> str:
    """Return the page of a check.

    Args:
        found: what ``Checked.as_dict`` gives.
        trees: PatientID → the lines of the chains of a patient.
    """
    counts = ", ".join(f"{number} {severity}" for severity, number in found["counts"].items())
    parts = [
        f"<h1>Check of {_text(found['where'])}</h1>",
        f"<p>{len(found['patients'])} patients; {counts}</p>",
    ]
    parts.append(_table(found["findings"]) if found["findings"] else "<p>Nothing to be said.</p>")
    for patient in found["patients"]:
        name = patient["patient_id"]
        parts.append(f"<h2>{_text(name)}</h2><p>{_text(_in_words(patient))}</p>")
        if trees.get(name):
            parts.append(f"<pre>{_text(chr(10).join(trees[name]))}</pre>")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Check</title><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>"
    )


def _table(findings: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("severity", "kind", "patient", "object or file", "what"))
    cells = ("".join(f"<td>{_text(one[name])}</td>" for name in _COLUMNS) for one in findings)
    rows = (f'<tr class="{one["severity"]}">{row}</tr>' for one, row in zip(findings, cells, strict=True))
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _in_words(patient: Mapping[str, Any]) -> str:
    return (
        f"{patient['patient_name'] or ''}: {patient['studies']} studies, {patient['series']} series, "
        f"{patient['objects']} objects ({patient['modalities'] or ''})"
    )


def _text(value: Any) -> str:
    return escape("" if value is None else str(value))
