"""Codes: one spelling for one meaning, and the standard's word for a coded value.

A concept is ``code^scheme``. SNOMED codes are met as SRT (the retired ``T-04000`` kind, which reports also
call SNM3 or 99SDM) and as SCT; concept names are brought to SCT, so that the tables of the templates name
each concept once. The meaning that a report writes beside a code is never used to understand the code.
"""

import csv
from functools import cache
from importlib.resources import files

_RETIRED_SCHEMES = {"SNM3", "99SDM", "SRT", "SNOMED-RT"}

# PS3.16 Annex O: concept names of the dose templates that were SNOMED-RT codes before 2019.
_SCT = {
    "C-10072": "89457008",  # Radionuclide
    "F-61FDB": "349358000",  # Radiopharmaceutical agent
    "G-C036": "370129005",  # Measurement Method
    "G-C0E3": "363698007",  # Finding Site
    "G-C0E8": "363703001",  # Has Intent
    "G-C171": "272741003",  # Laterality
    "G-C2D0": "363589002",  # Associated Procedure
    "G-C32C": "408730004",  # Procedure Context
    "G-C340": "410675002",  # Route of administration
    "G-C581": "272737002",  # Site of
    "R-42806": "304283002",  # Radionuclide Half Life
    "T-D0005": "91723000",  # Anatomical structure
}


@cache
def concept_key(code: str, scheme: str) -> str:
    """Return ``code^scheme`` in the one spelling that the template tables use."""
    if scheme in _RETIRED_SCHEMES:
        return f"{_SCT[code]}^SCT" if code in _SCT else f"{code}^SRT"
    return f"{code}^{scheme}"


@cache
def _words() -> dict[str, str]:
    lines = (files(__package__) / "words.csv").read_text(encoding="utf-8").splitlines()
    return dict(csv.reader(lines))


def word(code: str, meaning: str | None) -> str:
    """Return the standard's word for a value (``code^scheme``), else the meaning beside it, else the code."""
    value, _, scheme = code.rpartition("^")
    if scheme in _RETIRED_SCHEMES:
        code = f"{value}^SRT"
    return _words().get(code) or meaning or code
