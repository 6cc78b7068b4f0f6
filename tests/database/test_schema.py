"""The parser, the built-in definition and the added columns of pyconquest_rt.database.schema."""

import string
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pyconquest_rt.database import schema
from pyconquest_rt.database.schema import Column, Definition, Table
from pyconquest_rt.errors import SchemaError

REPOSITORY = Path(__file__).parents[2]

SMALL = """
*Patient* { { 0x0010, 0x0020, "PatientID", 64, SQL_C_CHAR, DT_STR } }
*Study* { { 0x0020, 0x000d, "StudyInstanceUID", 64, SQL_C_CHAR, DT_UI }
          { 0x0010, 0x0020, "PatientID", 64, SQL_C_CHAR, DT_STR } }
*Series* { { 0x0020, 0x000e, "SeriesInstanceUID", 64, SQL_C_CHAR, DT_UI },
           { 0x0020, 0x000d, "StudyInstanceUID", 64, SQL_C_CHAR, DT_UI } }
*Image* { { 0x0008, 0x0018, "SOPInstanceUID", 64, SQL_C_CHAR, DT_UI },
          { 0x0020, 0x000e, "SeriesInstanceUID", 64, SQL_C_CHAR, DT_UI } }
"""

# What Conquest 1.5.0e ships (linux/conf/dicom.sql.sqlite): name, tag, length, type; D is a date.
CONQUEST = {
    "Patient": """PatientID 00100020 64 STR, PatientNam 00100010 64 STR, PatientBir 00100030 D DATE,
        PatientSex 00100040 16 STR""",
    "Study": """StudyInsta 0020000d 64 UI, StudyDate 00080020 D DATE, StudyTime 00080030 16 TIME,
        StudyID 00200010 16 STR, StudyDescr 00081030 64 STR, AccessionN 00080050 16 STR,
        ReferPhysi 00080090 64 STR, PatientsAg 00101010 16 STR, PatientsWe 00101030 16 STR,
        StudyModal 00080061 64 MSTR, PatientNam 00100010 64 STR, PatientBir 00100030 D DATE,
        PatientSex 00100040 16 STR, PatientID 00100020 64 STR""",
    "Series": """SeriesInst 0020000e 64 UI, SeriesNumb 00200011 12 STR, SeriesDate 00080021 D DATE,
        SeriesTime 00080031 16 TIME, SeriesDesc 0008103e 64 STR, Modality 00080060 16 STR,
        PatientPos 00185100 16 STR, ContrastBo 00180010 64 STR, Manufactur 00080070 64 STR,
        ModelName 00081090 64 STR, BodyPartEx 00180015 64 STR, ProtocolNa 00181030 64 STR,
        StationNam 00081010 16 STR, Institutio 00080080 64 STR, FrameOfRef 00200052 64 UI,
        SeriesPat 00100020 64 STR, StudyInsta 0020000d 64 UI""",
    "Image": """SOPInstanc 00080018 64 UI, SOPClassUI 00080016 64 UI, ImageNumbe 00200013 12 STR,
        ImageDate 00080023 D DATE, ImageTime 00080033 16 TIME, EchoNumber 00180086 64 MSTR,
        NumberOfFr 00280008 12 STR, AcqDate 00080022 D DATE, AcqTime 00080032 16 TIME,
        ReceivingC 00181250 16 STR, AcqNumber 00200012 12 STR, SliceLocat 00201041 16 STR,
        SamplesPer 00280002 5 UINT16, PhotoMetri 00280004 16 STR, QRows 00280010 5 UINT16,
        QColumns 00280011 5 UINT16, BitsStored 00280101 5 UINT16, ImageType 00080008 128 MSTR,
        ImageID 00540400 16 STR, ImagePat 00100020 64 STR, SeriesInst 0020000e 64 UI""",
}

# PyConquest 0.1.12's built-in columns in their order.
PYCONQUEST = {
    "DICOMPatients": "PatientID PatientNam PatientBir PatientSex",
    "DICOMStudies": """StudyInsta StudyDate StudyTime StudyID StudyDescr AccessionN ReferPhysi PatientsAg
        PatientsWe StudyModal PatientNam PatientBir PatientSex OperatorsN PatientID""",
    "DICOMSeries": """SeriesInst SeriesNumb SeriesDate SeriesTime SeriesDesc Modality ManModelNa Referenced
        PatientPos ContrastBo Manufactur BodyPartEx ProtocolNa StationNam Institutio FrameOfRef NumberOfFr
        DoseSummat StructureS SeriesPat OperatorsN StudyInsta""",
    "DICOMImages": """SOPInstanc SOPClassUI ImageNumbe ImageDate ImageTime Referenced EchoNumber NumberOfFr
        AcqDate AcqTime ReceivingC AcqNumber SliceLocat SamplesPer PhotoMetri Rows Colums PixelSpaci
        BitsStored RescaleInt RescaleSlo ImageType ImageID ImagePat KVP ExposureTi TubeCurren Exposure
        CTDIvol Pitch RotationTi DoseRight Collimatio SliceThick ImageOrien Modality SeriesDesc ImagePosit
        SeriesInst""",
}
ONLY_IN_CONQUEST = {"DICOMSeries": ["ModelName"], "DICOMImages": ["QRows", "QColumns"]}

# The elements behind the columns that only PyConquest has.
PYCONQUEST_TAGS = {
    "DICOMStudies": {"OperatorsN": 0x00081070},
    "DICOMSeries": {
        "ManModelNa": 0x00081090, "Referenced": 0x00081155, "NumberOfFr": 0x00280008,
        "DoseSummat": 0x3004000A, "StructureS": 0x30060002, "OperatorsN": 0x00081070,
    },
    "DICOMImages": {
        "Referenced": 0x00081155, "Rows": 0x00280010, "Colums": 0x00280011, "PixelSpaci": 0x00280030,
        "RescaleInt": 0x00281052, "RescaleSlo": 0x00281053, "KVP": 0x00180060, "ExposureTi": 0x00181150,
        "TubeCurren": 0x00181151, "Exposure": 0x00181152, "CTDIvol": 0x00189345, "Pitch": 0x01F11026,
        "RotationTi": 0x01F11027, "DoseRight": 0x01F1104A, "Collimatio": 0x01F1104B,
        "SliceThick": 0x00180050, "ImageOrien": 0x00200037, "Modality": 0x00080060,
        "SeriesDesc": 0x0008103E, "ImagePosit": 0x00200032,
    },
}  # fmt: skip


def column(table: Table, name: str) -> Column:
    return next(one for one in table.columns if one.name == name)


def names(table: Table | None) -> list[str]:
    assert table is not None
    return [one.name for one in table.columns]


# ---------------------------------------------------------------------------------- built-in definition


def test_the_two_copies_of_dicom_sql_are_the_same() -> None:
    assert (REPOSITORY / "dicom.sql").read_bytes() == (REPOSITORY / "pyconquest_rt/dicom.sql").read_bytes()
    assert schema.load(REPOSITORY / "dicom.sql") == schema.default()


def test_default_has_pyconquests_columns_in_order_and_conquests_before_the_link() -> None:
    for table in schema.default().tables:
        *own, link = PYCONQUEST[table.name].split()
        assert names(table) == [*own, *ONLY_IN_CONQUEST.get(table.name, []), link]


@pytest.mark.parametrize("table", schema.default().tables, ids=lambda table: table.level)
def test_default_has_every_column_of_conquest_as_conquest_has_it(table: Table) -> None:
    for entry in CONQUEST[table.level].split(","):
        name, tag, length, dicom_type = entry.split()
        assert column(table, name) == Column(
            name,
            (int(tag, 16),),
            8 if length == "D" else int(length),
            "SQL_C_DATE" if length == "D" else "SQL_C_CHAR",
            f"DT_{dicom_type}",
        )


@pytest.mark.parametrize("table", schema.default().tables, ids=lambda table: table.level)
def test_default_has_pyconquests_own_columns(table: Table) -> None:
    types = {"Rows": "DT_UINT16", "Colums": "DT_UINT16", "CTDIvol": "DT_FD"}
    lengths = {"ImageOrien": 128, "ImagePosit": 128}
    for name, tag in PYCONQUEST_TAGS.get(table.name, {}).items():
        expected = Column(name, (tag,), lengths.get(name, 64), "SQL_C_CHAR", types.get(name, "DT_STR"))
        assert column(table, name) == expected


def test_default_work_list_knows_its_sequence_and_has_no_column_for_its_marks() -> None:
    worklist = schema.default().worklist
    assert worklist is not None
    assert len(worklist.columns) == 24
    assert worklist.columns[0] == Column("AccessionN", (0x00080050,), 16, "SQL_C_CHAR", "DT_STR", "OBR.3")
    assert column(worklist, "StartDate").path == (0x00400100, 0, 0x00400002)
    assert column(worklist, "ReqProcID").path == (0x00401001,)
    assert [one.name for one in worklist.columns if len(one.path) > 1] == [
        "Modality", "ReqContras", "ScheduledA", "StartDate", "StartTime", "PerfPhysic", "SchedPSDes",
        "SchedPSID", "SchedStati", "SchedPSLoc", "PreMedicat", "SchedPSCom",
    ]  # fmt: skip


def test_keys_and_links() -> None:
    definition = schema.default()
    assert [table.key.name for table in definition.tables] == [
        "PatientID", "StudyInsta", "SeriesInst", "SOPInstanc",
    ]  # fmt: skip
    assert [table.link and table.link.name for table in definition.tables] == [
        None, "PatientID", "StudyInsta", "SeriesInst",
    ]  # fmt: skip
    assert definition.worklist is not None
    assert definition.worklist.link is None


def test_render_leaves_comments_out_of_sections() -> None:
    text = schema.render(schema.default())
    depth, position = 0, 0
    for position, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth == 0 or not text.startswith("/*", position)
    assert depth == 0
    assert text.count("DT_STARTSEQUENCE") == text.count("DT_ENDSEQUENCE") == 1


# ------------------------------------------------------------------------------------------ what is read


def test_sections_in_any_order_and_repeated_sections_append() -> None:
    first = '*Image* { { 8, 24, "SOPInstanceUID", 64, SQL_C_CHAR, DT_UI } }\n'
    rest = SMALL.replace('{ 0x0008, 0x0018, "SOPInstanceUID", 64, SQL_C_CHAR, DT_UI },', "")
    assert schema.parse(first + rest) == schema.parse(SMALL)


def test_names_are_cut_and_dates_are_8_long() -> None:
    text = SMALL + "*Patient* { { 0x10, 0X0030, PatientBirthDate, 64, SQL_C_DATE, DT_DATE } }"
    added = schema.parse(text).patients.columns[-1]
    assert added == Column("PatientBir", (0x00100030,), 8, "SQL_C_DATE", "DT_DATE")


def test_the_denormalized_flavour_with_parents_columns_before_the_link() -> None:
    entries = '{ 0x0010, 0x0010, "PatientName", 64, SQL_C_CHAR, DT_STR } { 0x0010, 0x0020, "PatientID" }'
    text = SMALL.replace("64, SQL_C_CHAR, DT_UI },\n           {", f"64, SQL_C_CHAR, DT_UI }},{entries}\n{{")
    assert names(schema.parse(text).series) == ["SeriesInst", "PatientNam", "PatientID", "StudyInsta"]


PYCONQUEST_STYLE = """\ufeff# made by hand \r
/* a comment " with { a quote
   and */
*PATIENT* {
\t{ 0x0010, 0x0020, PatientID, },   # the key
{0x0010,0x0010,"PatientName",64,SQL_C_CHAR,DT_STR},/* at the margin */
# { 0x0010, 0x0040, PatientSex },
  }
*Study*
{
   { 0x0020, 0x000d, "StudyInstanceUID", 64, SQL_C_CHAR, DT_UI },
   { 0x0010, 0x0020, "PatientID", 64, SQL_C_CHAR, DT_STR },
}
*series*{ { 0x0020,0x000E,SeriesInst } { 0x0020,0x000D,StudyInsta } } # done
*Image*
        {
        { 0x0008, 0x0018, "SOPInstanceUID", 64, SQL_C_CHAR, DT_UI }
        { 0x0028, 0x0010, Rows }  // one "line
        /* { 0x0028, 0x0011, Columns } */
        { 0x0020, 0x000e, "SeriesInstanceUID", 64, SQL_C_CHAR, DT_UI }
        }
# M\u00fcller"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_what_users_of_pyconquest_have(tmp_path: Path, newline: str, encoding: str) -> None:
    path = tmp_path / "dicom.sql"
    text = PYCONQUEST_STYLE.replace("\r", "").replace("\n", newline)
    path.write_bytes(text.removeprefix("" if encoding == "utf-8" else "\ufeff").encode(encoding))
    definition = schema.load(path)
    assert names(definition.patients) == ["PatientID", "PatientNam"]
    assert definition.series.columns == (
        Column("SeriesInst", (0x0020000E,), 64, "SQL_C_CHAR", "DT_STR"),
        Column("StudyInsta", (0x0020000D,), 64, "SQL_C_CHAR", "DT_STR"),
    )
    assert names(definition.images) == ["SOPInstanc", "Rows", "SeriesInst"]
    assert definition.worklist is None


def test_a_forgotten_quote_as_in_the_file_that_came_with_pyconquest() -> None:
    text = SMALL + '*WorkList* { { 0x0040, 0x1003, "ReqProcPriority, 16, SQL_C_CHAR, DT_STR, "OBR.27 }\n}'
    worklist = schema.parse(text).worklist
    assert worklist is not None
    assert worklist.columns == (Column("ReqProcPri", (0x00401003,), 16, "SQL_C_CHAR", "DT_STR", "OBR.27"),)


def test_sequences_inside_sequences_of_the_work_list() -> None:
    def entry(tag: str, name: str, kind: str) -> str:
        return f'{{ 0x{tag[:4]}, 0x{tag[4:]}, "{name}", 0x10, SQL_C_CHAR, {kind}, "---" }}'

    entries = [
        entry("00400100", "--------", "DT_STARTSEQUENCE"),
        entry("00400008", "--------", "DT_STARTSEQUENCE"),
        entry("00080100", "CodeValue", "DT_STR"),
        entry("00400008", "--------", "DT_ENDSEQUENCE"),
        entry("00400001", "AE", "DT_STR"),
        entry("00400100", "--------", "DT_ENDSEQUENCE"),
    ]
    definition = schema.parse(SMALL + f"*WorkList* {{ {' '.join(entries)} }}")
    assert definition.worklist is not None
    assert [one.path for one in definition.worklist.columns] == [
        (0x00400100, 0, 0x00400008, 0, 0x00080100),
        (0x00400100, 0, 0x00400001),
    ]
    assert schema.parse(schema.render(definition)) == definition
    other_end = entry("00400101", "--------", "DT_ENDSEQUENCE")
    left_open = schema.parse(SMALL + f"*WorkList* {{ {' '.join(entries[:-1])} }}")  # as Conquest takes it
    assert left_open == definition
    with pytest.raises(SchemaError, match=r"DT_ENDSEQUENCE for \(0040,0100\)"):
        schema.parse(SMALL + f"*WorkList* {{ {' '.join(entries[1:])} }}")
    with pytest.raises(SchemaError, match=r"DT_ENDSEQUENCE for \(0040,0101\) without its"):
        schema.parse(SMALL + f"*WorkList* {{ {' '.join([*entries[:-1], other_end])} }}")


# --------------------------------------------------------------------------------------- what is refused

GOOD = '{ 0x0010, 0x0040, "PatientSex", 16, SQL_C_CHAR, DT_STR }'


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (GOOD.replace("DT_STR", "DT_IS"), "unknown DICOM type DT_IS"),
        (GOOD.replace("DT_STR", "DT_STARTSEQUENCE"), "unknown DICOM type DT_STARTSEQUENCE"),
        (GOOD.replace("SQL_C_CHAR", "VARCHAR"), "unknown SQL type VARCHAR"),
        (GOOD.replace("0x0040", "0x10040"), "expected a number of 16 bits .* found 0x10040"),
        (GOOD.replace("0x0040", "0040"), "expected a number of 16 bits .* found 0040"),
        (GOOD.replace("0x0040", "forty"), "expected a number of 16 bits .* found forty"),
        (GOOD.replace("16", "0"), "expected a length of 1 to 65535, found 0"),
        (GOOD.replace(" 16,", " ,"), "expected a length, found ','"),
        (GOOD.replace(", DT_STR", ", DT_STR, PID.8"), "expected '}', found ','"),
        (GOOD.replace('"PatientSex", 16, SQL_C_CHAR, DT_STR', ""), "expected a column name, found '}'"),
        (GOOD.replace("0x0040,", "0x0040"), "expected ',', found 'PatientSex'"),
        (GOOD.replace("PatientSex", "Pat Sex"), "no blank, quote, comma or brace"),
        (GOOD.replace("PatientSex", "Pat'Sex"), "no blank, quote, comma or brace"),
        (GOOD.replace("PatientSex", "Pat\tSex"), "printable characters"),
        (GOOD.replace("PatientSex", "Pat\0Sex"), "printable characters"),
        (GOOD.replace("PatientSex", ""), "column name of 1 to 10"),
        (GOOD.replace("PatientSex", "patientid"), "second column patientid"),
        (GOOD.replace("PatientSex", "qTimeStamps"), "second column qTimeStamp"),
        (GOOD + ' { 0x0010, 0x0041, "PatientSexNeutered" }', "second column PatientSex"),
        (GOOD.replace("}", ""), """expected '{' or ',' or '}', found '.Study"""),
        ("PatientSex", "found 'PatientSex'"),
        ("*Study*", """expected '{' or ',' or '}', found '.Study.'"""),
    ],
)  # fmt: skip
def test_a_bad_entry_is_refused_with_file_line_and_reason(entry: str, message: str) -> None:
    text = SMALL.replace("DT_STR } }\n*Study*", f"DT_STR }}\n\n {entry} }}\n*Study*")
    with pytest.raises(SchemaError, match=rf"^my\.sql, line [45]: .*({message})"):
        schema.parse(text, "my.sql")


def without(level: str) -> str:
    parts = SMALL.split("*")
    index = parts.index(level)
    return "*".join(parts[:index] + parts[index + 2 :])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1: expected a section \*Image\* and \*Patient\* and \*Series\* and \*Study\*"),
        (without("Series"), r"expected a section \*Series\*"),
        (SMALL + "*Visit* { }", r"line 9: unknown section \*Visit\*; expected one of Patient"),
        (SMALL + "\n/* open\n", "line 10: expected \\*/ to close the comment that begins here"),
        (SMALL + "*Patient*", "expected '{', found 'end of file'"),
        (SMALL + "Patient", r"expected a section such as \*Patient\*, found 'Patient'"),
        (SMALL.rstrip().removesuffix("}"), "found 'end of file'"),
        (SMALL.replace("*Patient* { { 0x0010, 0x0020", "*Patient* { { 0x0010, 0x0021"),
         r"line 2: the first column of \*Patient\* must be \(0010,0020\)"),
        (SMALL.replace("{ 0x0020, 0x000d", "{ 0x0008, 0x0020", 1),
         r"line 3: the first column of \*Study\* must be \(0020,000D\)"),
        (SMALL.replace('"SOPInstanceUID"', '"SOPUID"'), r"must be \(0008,0018\) with the name SOPInstanc"),
        (SMALL + "*Series* { { 8, 96, Modality } }", r"the last column of \*Series\* must be \(0020,000D\)"),
        (SMALL + "*Image* { { 8, 8, hash } }", "second column hash"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        schema.parse(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"missing\.sql: cannot be read"):
        schema.load(tmp_path / "missing.sql")


# ---------------------------------------------------------------------------------------- added columns


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        (["0x0018", "0x0088", "SpacingBetweenSlices"], (0x00180088,)),
        ([0x18, 0x88, "SpacingBetweenSlices"], (0x00180088,)),
        (("300C", "0002", "SpacingBetweenSlices", 0, "0x0008", "0x1155"), (0x300C0002, 0, 0x00081155)),
        (
            ["0x3006", "0x0010", "SpacingBetweenSlices", 0, "0x3006", "0x0012", 1, "0x0008", "0x1155"],
            (0x30060010, 0, 0x30060012, 1, 0x00081155),
        ),
    ],
)
@pytest.mark.parametrize("table", ["DICOMimages", "dicomimages", "DICOMIMAGES"])
def test_an_added_column_stands_before_the_link(
    table: str, definition: list[object], path: tuple[int, ...]
) -> None:
    before = schema.default()
    after = before.with_column(table, definition)
    *own, link = before.images.columns
    assert after.images.columns == (*own, Column("SpacingBet", path), link)
    assert after.studies == before.studies
    assert before == schema.default()


def test_several_columns_at_once_and_tables_without_link() -> None:
    added = [["0x0010", "0x4000", "PatientComments"], ["0x0010", "0x21b0", "History"]]
    definition = schema.default().with_column("DICOMpatients", added)
    assert names(definition.patients)[-2:] == ["PatientCom", "History"]
    worklist = definition.with_column("dicomworklist", added).worklist
    assert names(worklist)[-2:] == ["PatientCom", "History"]
    assert schema.default().with_column("DICOMstudies", []) == schema.default()


def test_second_items_of_the_work_list_are_not_rendered() -> None:
    added = ["0x0040", "0x0100", "SecondAE", 1, "0x0040", "0x0001"]
    definition = schema.default().with_column("DICOMWorkList", added)
    assert names(definition.worklist)[-1] == "SecondAE"
    assert schema.parse(schema.render(definition)) == schema.default()


def test_nested_columns_are_not_rendered() -> None:
    definition = schema.default().with_column(
        "DICOMimages", ["0x300c", "0x0002", "Plan", 0, "0x0008", "0x1155"]
    )
    assert schema.parse(schema.render(definition)) == schema.default()


@pytest.mark.parametrize(
    ("table", "definition", "message"),
    [
        ("DICOMvisits", ["0x0018", "0x0088", "Spacing"], "no table 'DICOMvisits'"),
        ("DICOMimages", ["0x0018", "0x0088"], r"expected \[group, element, name\]"),
        ("DICOMimages", ["0x0018", "0x0088", "Spacing", 0, "0x0008"], r"expected \[group, element, name\]"),
        ("DICOMimages", ["slice", "0x0088", "Spacing"], r"expected \[group, element, name\]"),
        ("DICOMimages", ["0x0018", "0x0088", "Spacing", -1, "0x0008", "0x1155"], "expected a tag"),
        ("DICOMimages", ["0x0018", "0x0088", 'a" text, b'], "no blank, quote"),
        ("DICOMimages", ["0x0018", "0x0088", "KVP"], "second column KVP"),
    ],
)
def test_a_bad_added_column_is_refused(table: str, definition: list[object], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        schema.default().with_column(table, definition)


def test_a_column_made_by_hand_is_checked() -> None:
    with pytest.raises(SchemaError, match="1 to 10 printable"):
        Column("PatientName", (0x00100010,))
    with pytest.raises(SchemaError, match="8 characters, not 64"):
        Column("StudyDate", (0x00080020,), 64, "SQL_C_DATE", "DT_DATE")
    with pytest.raises(SchemaError, match="expected a tag"):
        Column("Plan", (0x300C0002, 0))
    with pytest.raises(SchemaError, match="an HL7 item has no quote"):
        Column("Modality", (0x00080060,), hl7='OBR"21')
    with pytest.raises(SchemaError, match=r"unknown section \*Visit\*"):
        Table("Visit", ())


# ------------------------------------------------------------------------------------------- round trip

TAGS = st.integers(0, 0xFFFFFFFF)
NAMES = st.text(string.ascii_letters + string.digits + "_-.$#äß/*;", min_size=1, max_size=10)
TYPES = st.one_of(
    st.tuples(st.integers(1, 0xFFFF), st.just("SQL_C_CHAR"), st.sampled_from(schema.DICOM_TYPES)),
    st.tuples(st.just(8), st.just("SQL_C_DATE"), st.sampled_from(schema.DICOM_TYPES)),
)


@st.composite
def tables(draw: st.DrawFn, level: str, key: int | None, link: int | None) -> Table:
    reserved = {
        "accesstime",
        "qtimestamp",
        "qflags",
        "qspare",
        "objectfile",
        "devicename",
        "nfractions",
        "hash",
    }
    wanted = draw(
        st.lists(NAMES.filter(lambda name: name.lower() not in reserved), min_size=2, unique_by=str.lower)
    )
    columns = []
    fixed_names = {
        0x00100020: "PatientID",
        0x0020000D: "StudyInsta",
        0x0020000E: "SeriesInst",
        0x00080018: "SOPInstanc",
    }
    assume(not {name.lower() for name in wanted} & {name.lower() for name in fixed_names.values()})
    for position, drawn in enumerate(wanted):
        tag = {0: key, len(wanted) - 1: link}.get(position)
        name = fixed_names.get(tag or 0, drawn)
        path: tuple[int, ...] = (tag if tag is not None else draw(TAGS),)
        hl7 = ""
        if level == "WorkList":
            hl7 = draw(st.sampled_from(["", "---", "OBR.4.1"]))
            path = (*[part for sequence in draw(st.lists(TAGS, max_size=2)) for part in (sequence, 0)], *path)
        columns.append(Column(name, path, *draw(TYPES), hl7))
    return Table(level, tuple(columns))


DEFINITIONS = st.builds(
    Definition,
    patients=tables("Patient", 0x00100020, None),
    studies=tables("Study", 0x0020000D, 0x00100020),
    series=tables("Series", 0x0020000E, 0x0020000D),
    images=tables("Image", 0x00080018, 0x0020000E),
    worklist=st.none() | tables("WorkList", None, None),
)


@settings(deadline=None)
@given(DEFINITIONS)
def test_render_then_parse_gives_the_same_definition(definition: Definition) -> None:
    assert schema.parse(schema.render(definition)) == definition


@settings(deadline=None)
@given(st.text(string.printable + '{}*"#/\0ä'))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with pytest.raises(SchemaError, match=r"^dicom\.sql, line \d+: "):
        schema.parse(text)
