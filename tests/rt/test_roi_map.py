"""The site's ROI map: editing, files, validation, and the table that ROI rows join."""

import re
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconquest_rt.compat.roi_filter import filter_roinames
from pyconquest_rt.database.backends.sqlite import SQLite
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.rt.names.roi_files import load_map, read_map, write_csv, write_roi
from pyconquest_rt.rt.names.roi_map import RoiMap
from pyconquest_rt.rt.names.roi_mapping import COLUMNS, mapping_rows, unmapped
from pyconquest_rt.rt.names.roi_names import classify
from pyconquest_rt.rt.tables import TABLES

OLD_FORM = """lung left: left lung: l lung, lung left, lt. lung
lung right: right lung: r lung
uncategorized: bowel thing: bowel thing, gut
"""
NEW_FORM = """"Lung_L":"left lung":"left lung","l lung","lung: odd, name"
"Heart":"heart":"heart","cor"
"""


def site_map() -> RoiMap:
    roi_map = RoiMap()
    roi_map.add("Lung_L", "linker long", ["longetje L", "long_A"], "smith")
    roi_map.add("Heart", "pomp", ["de pomp"], "smith")
    roi_map.add("Heart", "hart", ["motor"])
    return roi_map


def as_dict(roi_map: RoiMap) -> dict:
    return {who: {e.name: e for e in roi_map.entries(who)} for who in roi_map.physicians()}


def test_lookup_ignores_case_and_underscores_and_falls_back_to_default():
    roi_map = site_map()
    assert roi_map.lookup("LONG A", "Smith").name == "linker long"
    assert roi_map.lookup("Motor", "smith").name == "hart"
    assert roi_map.lookup("motor", "jones").name == "hart"
    assert roi_map.lookup("long_A", "jones") is None


def test_names_from_the_map_keep_the_raw_name_and_lead_to_tg263():
    found = classify("LONG_A", site_map(), "smith")
    assert (found.raw, found.physician, found.institutional) == ("LONG_A", "linker long", "Lung_L")
    assert (found.tg263, found.method) == ("Lung_L", "alias")


def test_the_list_of_tg263_goes_before_the_map():
    roi_map = RoiMap()
    roi_map.add("Lung_R", "odd", ["Lung_L"])
    found = classify("Lung_L", roi_map)
    assert (found.institutional, found.tg263, found.method) == ("Lung_R", "Lung_L", "exact")


def test_a_variation_leads_to_one_entry_of_a_physician():
    roi_map = site_map()
    before = as_dict(roi_map)
    with pytest.raises(SettingsError, match="'Long a' already leads to 'linker long'"):
        roi_map.add("Lung_R", "rechter long", ["Long a"], "SMITH")
    with pytest.raises(SettingsError, match="already leads to 'linker long'"):
        roi_map.rename("pomp", "long_a", "smith")
    with pytest.raises(SettingsError, match="already stands under"):
        roi_map.add("Lung_R", "pomp", [], "smith")
    assert as_dict(roi_map) == before
    roi_map.add("Lung_R", "rechter long", ["Long a"], "jones")


def test_rename_merge_and_delete():
    roi_map = site_map()
    roi_map.rename("pomp", "cor", "smith")
    assert [roi_map.lookup(name, "smith").name for name in ("pomp", "cor", "de pomp")] == ["cor"] * 3
    assert roi_map.rename_institutional("heart", "Hart") == 2
    assert roi_map.lookup("cor", "smith").institutional == "Hart"
    merged = roi_map.merge("linker long", "cor", "smith")
    assert roi_map.lookup("long a", "smith") == merged
    roi_map.delete("cor", "smith", variation="LONG a")
    assert roi_map.lookup("long a", "smith") is None
    with pytest.raises(SettingsError, match="is no variation"):
        roi_map.delete("cor", "smith", variation="never")
    roi_map.delete("cor", "smith")
    assert roi_map.physicians() == ["DEFAULT"]
    with pytest.raises(SettingsError, match="there is no entry 'cor'"):
        roi_map.delete("cor", "smith")


def test_both_forms_of_dvh_analytics_files_are_read(tmp_path):
    (tmp_path / "physician_OLD.roi").write_text(OLD_FORM)
    (tmp_path / "physician_NEW.roi").write_text(NEW_FORM)
    (tmp_path / "physician_NEW.rtype").write_text("heart:ORGAN\n")
    roi_map = load_map(tmp_path)
    assert roi_map.physicians() == ["NEW", "OLD"]
    assert roi_map.lookup("Lt. Lung", "old").institutional == "lung left"
    assert classify("lt. lung", roi_map, "old").tg263 == "Lung_L"
    assert roi_map.lookup("lung: odd, name", "new").name == "left lung"
    assert roi_map.lookup("cor", "new").roi_type == "ORGAN"
    found = classify("gut", roi_map, "old")
    assert (found.physician, found.institutional, found.tg263) == ("bowel thing", None, None)


def test_a_type_may_stand_before_the_variations(tmp_path):
    path = tmp_path / "physician_T.roi"
    path.write_text("Heart: heart: ORGAN: cor, pump\n")
    entry = load_map(path).lookup("pump", "T")
    assert (entry.roi_type, entry.variations) == ("ORGAN", ("cor", "pump"))


def test_what_is_written_has_the_form_of_dvh_analytics_and_reads_back(tmp_path):
    roi_map = site_map()
    roi_map.add("Heart", "hart", ["a, b: c"], roi_type="ORGAN")
    paths = write_roi(roi_map, tmp_path)
    assert [path.name for path in paths] == [
        "physician_DEFAULT.roi",
        "physician_DEFAULT.rtype",
        "physician_SMITH.roi",
    ]
    assert paths[0].read_text().splitlines() == ['"Heart":"hart":"hart","motor","a, b: c"']
    assert as_dict(load_map(tmp_path)) == as_dict(roi_map)


def test_csv_reads_back(tmp_path):
    roi_map = site_map()
    roi_map.add("Liver", 'le "foie", grand', [], roi_type="ORGAN")
    write_csv(roi_map, tmp_path / "map.csv")
    assert as_dict(load_map(tmp_path / "map.csv")) == as_dict(roi_map)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Heart heart cor", "expected institutional"),
        ("Heart, Cor: heart: cor", "comma before the variations"),
        ('"Heart:"heart":"cor"', "double quote"),
        ("Heart: heart: GIZZARD: cor", "no RT ROI interpreted type"),
        ("Heart: other: Pump", "already leads to 'heart'"),
    ],
)
def test_problems_say_file_and_line(tmp_path, line, message):
    path = tmp_path / "physician_A.roi"
    path.write_text(f"Heart: heart: pump\n\n{line}\nLiver: liver: foie\n")
    roi_map, problems = read_map(path)
    assert [(it.file, it.line) for it in problems] == [(str(path), 3)]
    assert message in problems[0].message
    assert roi_map.lookup("foie", "A") is not None
    with pytest.raises(SettingsError, match=re.escape(f"{path}, line 3")):
        load_map(path)


def test_a_csv_with_other_columns_and_a_missing_file_are_refused(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SettingsError, match="line 1: the columns must be physician"):
        load_map(path)
    with pytest.raises(SettingsError, match="there is no file"):
        load_map(tmp_path / "none.roi")


NAMES = st.text("ab _:,'", min_size=1, max_size=6).filter(lambda name: name.strip(" _"))


@given(st.lists(st.tuples(NAMES, NAMES, st.lists(NAMES, max_size=3)), max_size=6))
def test_any_map_stays_consistent_and_survives_its_files(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("map")
    roi_map = RoiMap()
    for institutional, name, variations in rows:
        try:
            roi_map.add(institutional, name, variations)
        except SettingsError:
            continue
    for entry in roi_map.entries():
        assert all(roi_map.lookup(spelling) == entry for spelling in entry.spellings)
    write_csv(roi_map, folder / "map.csv")
    assert as_dict(load_map(folder / "map.csv")) == as_dict(roi_map)


def test_an_edit_of_the_map_shows_in_all_old_roi_rows_by_one_statement():
    connection = sqlite3.connect(":memory:")
    connection.execute(TABLES["roi_name"].create_sql())
    connection.execute("CREATE TABLE rois (sop TEXT, name TEXT)")
    names = ["hartje", "Lung_L", "thing"]
    connection.executemany("INSERT INTO rois VALUES (?, ?)", [(str(i), names[i % 3]) for i in range(300)])
    query = (
        "SELECT institutional_name, count(*) FROM rois JOIN roi_name ON raw_name = name"
        " WHERE physician = 'DEFAULT' GROUP BY institutional_name ORDER BY 1"
    )
    roi_map = RoiMap()
    put = SQLite().put("roi_name", COLUMNS)
    connection.executemany(put, mapping_rows(roi_map, names))
    assert connection.execute(query).fetchall() == [(None, 200), ("Lung_L", 100)]
    roi_map.add("Heart", "hart", ["hartje"])
    before = connection.total_changes
    connection.executemany(put, mapping_rows(roi_map, names))
    assert connection.total_changes - before == len(names)
    assert connection.execute(query).fetchall() == [(None, 100), ("Heart", 100), ("Lung_L", 100)]


def test_unmapped_lists_the_frequent_first_with_suggestions():
    found = unmapped(site_map(), {"Lung": 5, "gibberish zz": 9, "Heart": 50, "motor": 7})
    assert [(it.name, it.count) for it in found] == [("gibberish zz", 9), ("Lung", 5)]
    assert {"Lung_L", "Lung_R"} <= set(found[1].suggestions)
    assert found[1].reason == "the side is not said"


def test_filter_is_that_of_pyconquest_but_names_come_once():
    names = ["Z1 ring", "External", "isocenter", "Heart", "Lung_L", "Zygoma"]
    assert filter_roinames(names) == ["Heart", "Lung_L", "Zygoma"]
    assert filter_roinames(names, exclude=[""], include=["lung", "heart", "L"]) == ["Lung_L", "Heart"]
    assert filter_roinames("Heart", exclude="hea") == []
    assert filter_roinames(names, include="heart", flags=0) == []
