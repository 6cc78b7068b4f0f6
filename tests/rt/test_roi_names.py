"""ROI names against the hand-made truth list, and properties that no name may break."""

import csv
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconquest_rt.rt.names import roi_names, tg263
from pyconquest_rt.rt.names.roi_fuzzy import TOO_FAR, edit_distance
from pyconquest_rt.rt.names.roi_names import classify, match_name, suggestions
from pyconquest_rt.rt.names.roi_tokens import clean, parse, squeeze

TRUTH = Path(__file__).with_name("roi_names_truth.csv")


def truth(part: str) -> list[tuple[str, str]]:
    lines = (line for line in TRUTH.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return [(row["name"], row["tg263"]) for row in csv.DictReader(lines) if row["part"] == part]


@pytest.mark.parametrize("part", ["tune", "held"])
def test_nine_of_ten_names_are_right_and_none_is_silently_wrong(part):
    rows = truth(part)
    found = [(name, wanted, classify(name).tg263 or "") for name, wanted in rows]
    assert [row for row in found if row[2] and row[2] != row[1]] == []
    right = sum(wanted == got for _, wanted, got in found)
    assert right >= 0.9 * len(rows), f"{right} of {len(rows)}"


def test_the_truth_list_is_long_enough():
    assert len(truth("tune")) + len(truth("held")) >= 300
    assert len(truth("held")) >= 100


def test_published_lists_in_four_languages():
    """1,169 names of published lists: none is given a wrong name, nine of ten get theirs."""
    text = TRUTH.with_name("roi_names_published.csv").read_text("utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    found = [(row["name"], row["tg263"].split("|"), classify(row["name"]).tg263 or "-") for row in rows]
    assert [(name, got) for name, wanted, got in found if got not in (*wanted, "-")] == []
    named = [got != "-" for _, wanted, got in found if "-" not in wanted]
    assert len(rows) >= 1000 and {row["language"] for row in rows} == {"en", "de", "nl", "fr"}
    assert sum(named) >= 0.9 * len(named), f"{sum(named)} of {len(named)}"


def test_no_synonym_means_two_structures():
    assert roi_names._ambiguous() == {}


def test_synonyms_that_collide_after_cleaning_are_ambiguous(monkeypatch):
    both = (("Femur", "en", ("thigh", "bone")), ("Humerus", "en", ("thighbone",)))
    cached = (roi_names._ambiguous, roi_names._aliases, match_name)
    monkeypatch.setattr(roi_names, "_synonyms", lambda: both)
    for function in cached:
        function.cache_clear()
    try:
        found = classify("thigh bone L")
        assert (found.tg263, found.method, found.detail) == (None, "uncategorised", "may be Femur or Humerus")
    finally:
        monkeypatch.undo()
        for function in cached:
            function.cache_clear()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Constrictors", "Musc_Constrict"),
        ("Pharyngeal constrictors", "Musc_Constrict"),
        ("Musc_Constricts", None),
        ("Musc_Constrict_S", "Musc_Constrict_S"),
        ("Pharynx Const Sup", "Musc_Constrict_S"),
        ("constricteur supérieur", "Musc_Constrict_S"),
        ("Linsen", None),
        ("Sehnerven", None),
        ("Parotiden", "Parotids"),
        ("Yeux", "Eyes"),
        ("Onderkaakspeekselklieren", "Glnd_Submands"),
        ("Poumons - GTV", "Lungs-GTV"),
        ("Poumon - GTV", None),
        ("Longen-PTV", "Lungs-PTV"),
        ("Lungen ohne PTV", "Lungs-PTV"),
        ("Total Lung minus the CTV", "Lungs-CTV"),
        ("Foie moins GTV", "Liver-GTV"),
        ("Nieren - PTV", None),  # TG-263 has no such name
        ("PTV-Lungen", None),
        ("moelle", "SpinalCord"),
        ("moelle osseuse", "BoneMarrow"),
        ("Left upper lobe", "Lung_LUL"),
        ("Lungenoberlappen re", "Lung_RUL"),
        ("middle lobe left", None),
        ("Oberlappen", None),
        ("First Rib Left", "Rib01_L"),
        ("Rippe 13 li", None),
        ("Thoracic vertebra 5", "VB_T05"),
        ("Thoracic vertebra L5", None),
        ("linkernier", "Kidney_L"),
        ("PAROTIDEGAUCHE", "Parotid_L"),
        ("Parotis d", None),
        ("tronccerebralcf", None),
    ],
)
def test_plurals_differences_and_parts(name, wanted):
    assert classify(name).tg263 == wanted


def test_every_name_of_the_list_finds_itself_in_any_writing():
    for name, structure in tg263.structures().items():
        for written in (name, name.upper(), name.replace("_", " "), structure.reverse.lower()):
            found = classify(written)
            assert (found.tg263, found.method) == (name, "exact"), written


def test_no_two_names_of_the_list_are_confused_by_case_separators_or_order():
    keys: dict[str, set[str]] = {}
    for name, structure in tg263.structures().items():
        for key in {squeeze(name), squeeze(structure.reverse)}:
            keys.setdefault(key, set()).add(name)
    assert [names for names in keys.values() if len(names) > 1] == [{"VBs", "VB_S"}]
    assert [classify(raw).tg263 for raw in ("VBs", "vb_s", "VB S", "S_VB")] == ["VBs", "VB_S", "VB_S", "VB_S"]


@pytest.mark.parametrize(
    ("raw", "method", "tg"),
    [
        ("SPINAL CORD", "exact", "SpinalCord"),
        ("Lunge li.", "alias", "Lung_L"),
        ("Left lung", "rule", "Lung_L"),
        ("PTV 60 Gy", "rule", "PTV_6000"),
        ("Parottid_L", "fuzzy", "Parotid_L"),
        ("Lung", "uncategorised", None),
    ],
)
def test_methods(raw, method, tg):
    found = classify(raw)
    assert (found.raw, found.method, found.tg263) == (raw, method, tg)
    assert (found.score is None) == (tg is None)
    if method == "fuzzy":
        assert 0.8 < found.score < 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("Lung", "the side is not said"),
        ("Rectum_opt", "optimisation or partial structure: opt"),
        ("Brain~", "marked by '~'"),
        ("_Heart", "marked by '_'"),
        ("Heart+", "marked by '+'"),
        ("xyzzy", "not known"),
    ],
)
def test_a_name_that_stays_open_says_why(raw, reason):
    found = classify(raw)
    assert (found.tg263, found.detail) == (None, reason)


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "Total Lung L",
            "Level 2 L",
            "LN level 3 right",
            "GTV_50",
            "ITV 30",
            "PTV_2023",
            "PTV 12.1",
            "GTV 4.5",
        ),
        *("Tete de l'humerus", "Cochlea izq der", "PTV 5 6", "Heart+3mm", "Cord PRV 0.5", "Lung_L-Lung_R"),
        *(
            "Kidney pelvis mass L",
            "PTV1-PTV2",
            "Parotid_L/GTV",
            "PTV L",
            "PTV T4",
            "Brain 2",
            "PRV PTV60",
            "PTV_PRV05",
        ),
    ],
)
def test_what_may_mean_two_things_stays_open(raw):
    assert classify(raw).tg263 is None


@pytest.mark.parametrize(
    ("raw", "tg"),
    [
        ("Neck level 2a right", "LN_Neck_IIA_R"),
        ("LN_Neck_V_L", "LN_Neck_V_L"),
        ("GTV_50Gy", "GTV_5000"),
        ("PTV_2020cGy", "PTV_2020"),
        ("Cochlea derecha", "Cochlea_R"),
        ("Parotide de l'oreille", None),
    ],
)
def test_rules(raw, tg):
    assert classify(raw).tg263 == tg


def one_slip(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
    edits = (
        text[at + 1 :],
        letter + text[at:],
        letter + text[at + 1 :],
        text[at + 1 : at + 2] + text[at:][:1] + text[at + 2 :],
    )
    return text[:at] + rng.choice(edits)


def test_a_slip_never_carries_one_structure_into_another():
    """Names of the list with one random slip: what is called misspelt must be the structure it came from."""
    rng = random.Random(263)
    corrected = 0
    for name in tg263.structures():
        for _ in range(4):
            head, tail = (name[:-2], name[-2:]) if name.endswith(("_L", "_R")) else (name, "")
            slipped = one_slip(head.lower(), rng) + tail
            found = match_name(slipped)
            if found and found.method == "fuzzy":
                corrected += 1
                assert found.name == name, slipped
    assert corrected > 500


@given(st.text(max_size=40))
def test_any_text_is_taken_and_gives_a_name_of_the_list_or_none(text):
    found = classify(text)
    assert found.raw == text
    assert (found.tg263 is None) == (found.method == "uncategorised")
    if found.tg263:
        assert len(found.tg263) <= 16


@given(st.sampled_from(sorted(tg263.sides_of())), st.sampled_from(["left", "Lt.", "li", "links"]))
def test_a_left_name_is_never_taken_for_right(stem, word):
    found = classify(f"{stem} {word}")
    assert found.tg263 is None or tg263.structures()[found.tg263].side == "L"


WORDS = st.text("abcdef", max_size=7)


def plain_distance(first: str, second: str) -> int:
    """Optimal string alignment distance straight from its definition."""
    if not first or not second:
        return len(first) + len(second)
    options = [
        plain_distance(first[:-1], second) + 1,
        plain_distance(first, second[:-1]) + 1,
        plain_distance(first[:-1], second[:-1]) + (first[-1] != second[-1]),
    ]
    if len(first) > 1 and len(second) > 1 and first[-1] == second[-2] and first[-2] == second[-1]:
        options.append(plain_distance(first[:-2], second[:-2]) + 1)
    return min(options)


@given(st.text("abc", max_size=4), st.text("abc", max_size=4), st.integers(0, 4))
def test_edit_distance_is_that_of_its_definition(first, second, limit):
    distance = plain_distance(first, second)
    assert edit_distance(first, second, limit) == (distance if distance <= limit else TOO_FAR)


def test_clean_keeps_what_distinguishes_names():
    assert clean("  Rückenmark__PRV\t5mm ") == "ruckenmark prv 5mm"
    assert clean("Lungs-GTV") == "lungs-gtv"


def test_parse_sets_side_and_margin_apart():
    words = parse("PRV Optic Nerve Rt 0.3 cm")
    assert (words.words, words.side, words.prv, words.mark) == (("optic", "nrv"), "R", 3, "")
    assert parse("Cord PRV").prv == 0
    assert parse("Cord").prv is None


def test_suggestions_keep_the_side():
    assert suggestions("Lunng sinister")[0] == "Lung_L"
    assert "Lung_R" not in suggestions("Lunng sinister")


@pytest.mark.parametrize(
    ("name", "margin", "expected"),
    [
        ("SpinalCord", 5, "SpinalCord_PRV05"),
        ("OpticNrv_L", 3, "OpticNrv_PRV03_L"),
        ("OpticChiasm", 3, "OpticChiasm_PRV3"),
        ("BrachialPlex_L", 3, None),
        ("Brainstem", None, "Brainstem_PRV"),
    ],
)
def test_prv_names(name, margin, expected):
    assert tg263.with_prv(name, margin) == expected


@pytest.mark.parametrize(
    "name",
    ["Lung_L", "SpinalCord_PRV05", "PTV_6000", "PTVn2_5400", "CTVp1", "PTV_Eval_7000", "zPTV_opt", "PTV_High",
     "Bolus_05mm", "Lungs-GTV", "PTV-03", "PTV_Liver_2000x3", "GTV_Preop", "Brain~", "PTV^Smith"],
)  # fmt: skip
def test_check_accepts_names_of_the_report(name):
    assert tg263.check(name) == []


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("BrachialPlexus_Left", "length"),
        ("Spinal Cord", "characters"),
        ("Left_Lung", "laterality"),
        ("L_Lung", "laterality"),
        ("PRV_Cord", "PRV"),
        ("Rectum_opt", "z prefix"),
        ("PTVopt", "target"),
        ("Gizzard", "list"),
    ],
)
def test_check_finds(name, rule):
    assert rule in {finding.rule for finding in tg263.check(name)}


def test_check_all_wants_names_unique_without_case():
    findings = tg263.check_all(["Heart", "HEART", "Lung_L"])
    assert [(it.name, it.rule) for it in findings if it.rule == "unique"] == [("HEART", "unique")]
