"""The layout of the index: dicom.sql as tables and columns.

A dicom.sql names, for each of Conquest's levels, which DICOM elements become columns. This module reads
every file that Conquest reads, and beyond its grammar what users of PyConquest have in theirs: ``#``
comments, comments inside sections, and short entries of a tag and a name. Whatever cannot be used is
refused with the file, the line and what was expected there.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, NamedTuple

from pyconquest_rt.errors import SchemaError

NAME_LENGTH = 10
"""Column names are cut to this many characters, as Conquest does; its own statements rely on it."""

SQL_TYPES = ("SQL_C_CHAR", "SQL_C_DATE")
DICOM_TYPES = (
    "DT_STR", "DT_MSTR", "DT_ISTR", "DT_UI", "DT_DATE", "DT_TIME", "DT_UINT16", "DT_UINT32", "DT_FL", "DT_FD",
)  # fmt: skip
_SEQUENCE_MARKS = ("DT_STARTSEQUENCE", "DT_ENDSEQUENCE")

_TABLE_NAMES = {
    "Patient": "DICOMPatients",
    "Study": "DICOMStudies",
    "Series": "DICOMSeries",
    "Image": "DICOMImages",
    "WorkList": "DICOMWorkList",
}
# The names are not free: Conquest, PyConquest and their users' queries have them in their statements.
_KEYS = {
    "Patient": (0x00100020, "PatientID"),
    "Study": (0x0020000D, "StudyInsta"),
    "Series": (0x0020000E, "SeriesInst"),
    "Image": (0x00080018, "SOPInstanc"),
}
_LINKS = {"Study": _KEYS["Patient"], "Series": _KEYS["Study"], "Image": _KEYS["Series"]}

_RESERVED = frozenset({"accesstime", "qtimestamp", "qflags", "qspare"})
_RESERVED_IMAGE = _RESERVED | {"objectfile", "devicename", "nfractions", "hash"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column and the DICOM element that fills it.

    ``path`` is ``(tag,)``, or for an element inside sequences ``(sequence tag, item, tag)`` and so on, with
    items counted from 0. ``length`` is in characters, and 8 for every ``SQL_C_DATE``. ``hl7`` is used by the
    work list alone.
    """

    name: str
    path: tuple[int, ...]
    length: int = 64
    sql_type: str = "SQL_C_CHAR"
    dicom_type: str = "DT_STR"
    hl7: str = ""

    def __post_init__(self) -> None:
        self._check_names()
        self._check_types()

    def _check_names(self) -> None:
        if not 1 <= len(self.name) <= NAME_LENGTH or not self.name.isprintable():
            raise SchemaError(
                f"expected a column name of 1 to {NAME_LENGTH} printable characters: {self.name!r}"
            )
        if re.search(r"""[\s"'`{},]""", self.name):
            raise SchemaError(f"a column name has no blank, quote, comma or brace: {self.name!r}")
        if re.search(r"""[^\S ]|["{},]""", self.hl7):
            raise SchemaError(f"{self.name}: an HL7 item has no quote, comma or brace: {self.hl7!r}")
        if len(self.path) % 2 == 0 or any(not 0 <= number <= 0xFFFFFFFF for number in self.path):
            raise SchemaError(f"{self.name}: expected a tag, or sequence tag, item, tag ...: {self.path}")

    def _check_types(self) -> None:
        if not 1 <= self.length <= 0xFFFF:
            raise SchemaError(f"{self.name}: expected a length of 1 to 65535, found {self.length}")
        if self.sql_type not in SQL_TYPES:
            raise SchemaError(
                f"{self.name}: unknown SQL type {self.sql_type}; expected one of {', '.join(SQL_TYPES)}"
            )
        if self.dicom_type not in DICOM_TYPES:
            raise SchemaError(
                f"{self.name}: unknown DICOM type {self.dicom_type}; expected one of {', '.join(DICOM_TYPES)}"
            )
        if self.sql_type == "SQL_C_DATE" and self.length != 8:
            raise SchemaError(f"{self.name}: an SQL_C_DATE has 8 characters, not {self.length}")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its level in the information model, its SQL name and its columns in order."""

    level: str
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if self.level not in _TABLE_NAMES:
            raise SchemaError(f"unknown section *{self.level}*; expected one of {', '.join(_TABLE_NAMES)}")
        _refuse_clash(self.level, self.columns)
        for place, wanted, index in (("first", _KEYS, 0), ("last", _LINKS, -1)):
            if self.level not in wanted:
                continue
            tag, name = wanted[self.level]
            column = self.columns[index] if self.columns else None
            if column is None or column.path != (tag,) or column.name.lower() != name.lower():
                raise SchemaError(
                    f"the {place} column of *{self.level}* must be {_tag_text(tag)} with the name {name}"
                )

    @property
    def name(self) -> str:
        """The table's name in the database, as Conquest writes it."""
        return _TABLE_NAMES[self.level]

    @property
    def key(self) -> Column:
        """The first column; the primary key in every table but the work list, which has none."""
        return self.columns[0]

    @property
    def link(self) -> Column | None:
        """The last column, which holds the key of the parent; None for patients and the work list."""
        return self.columns[-1] if self.level in _LINKS else None

    def with_columns(self, new: Sequence[Column]) -> "Table":
        """The same table with ``new`` behind its own columns, but before the link, which stays the last."""
        end = len(self.columns) - (self.link is not None)
        return replace(self, columns=(*self.columns[:end], *new, *self.columns[end:]))


@dataclass(frozen=True, slots=True)
class Definition:
    """All tables that one dicom.sql describes."""

    patients: Table
    studies: Table
    series: Table
    images: Table
    worklist: Table | None = None

    @property
    def tables(self) -> tuple[Table, Table, Table, Table]:
        """The four tables that objects are indexed in, from patient to image; the work list stands apart."""
        return self.patients, self.studies, self.series, self.images

    @property
    def all_tables(self) -> tuple[Table, ...]:
        """The four tables, and the work list where there is one."""
        return (*self.tables, self.worklist) if self.worklist else self.tables

    def with_column(self, table_name: str, definition: Sequence[Any]) -> "Definition":
        """A definition with a further column, or several, as PyConquest's add_column_to_database takes them.

        ``definition`` is ``[group, element, name]``, or for an element inside a sequence
        ``[group, element, name, item, group, element]``, once more ``item, group, element`` for a sequence
        inside that one, or a list of such definitions. Groups and elements are integers or hexadecimal text
        (``"0x0010"``), items are counted from 0. ``table_name`` is the SQL name in any case.

        Raises:
            SchemaError: unknown table, malformed definition, or a name that the table has already.
        """
        is_one = bool(definition) and isinstance(definition[0], str | int)
        new = [_added_column(one) for one in ([definition] if is_one else definition)]
        for field in ("patients", "studies", "series", "images", "worklist"):
            table: Table | None = getattr(self, field)
            if table is not None and table.name.lower() == table_name.lower():
                return replace(self, **{field: table.with_columns(new)})
        known = ", ".join(_TABLE_NAMES.values())
        raise SchemaError(f"no table {table_name!r} in this definition; the names are {known}")


def parse(text: str, source: str = "dicom.sql") -> Definition:
    """Read the text of a dicom.sql; ``source`` is the name that errors give.

    Raises:
        SchemaError: with source, line, and what was expected there.
    """
    tokens = _Tokens(text)
    try:
        return _read_definition(tokens)
    except SchemaError as error:
        raise SchemaError(f"{source}, line {tokens.line}: {error}") from None


def load(path: str | Path) -> Definition:
    """Read a dicom.sql from disk: UTF-8 with or without a byte order mark, otherwise Latin-1.

    Raises:
        SchemaError: it cannot be read or used.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SchemaError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return parse(text, str(path))


@lru_cache(maxsize=1)
def default() -> Definition:
    """The definition that ships with the package: PyConquest's columns, and all of Conquest's."""
    text = resources.files("pyconquest_rt").joinpath("dicom.sql").read_text("utf-8")
    return parse(text, "the built-in dicom.sql")


def render(definition: Definition) -> str:
    """The text of a dicom.sql that Conquest itself can read.

    Conquest has no columns from inside sequences except in the work list (first items only), so other
    nested columns are left out; everything else comes back equal from :func:`parse`.
    """
    sections = [_render_section(table) for table in (*definition.tables, definition.worklist) if table]
    return "/* Layout of the DICOM tables; the first entry is the key, the last the link. */\n" + "".join(
        sections
    )


# ----------------------------------------------------------------------------------------------- reading

_TOKEN = re.compile(
    r"""(?P<blank>\s+|(?:\#|//)[^\n]*|/\*.*?\*/)
      | (?P<section>\*\w+\*)
      | (?P<mark>[{},])
      | "(?P<text>[^"\n{},]*?)(?:"|[^\S\n]*(?=[{},\n]))  # a forgotten second quote is made up for
      | (?P<word>[^\s{},"\#*/]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str


class _Tokens:
    """The tokens of one dicom.sql, taken one by one; ``line`` is where the last one stood."""

    def __init__(self, text: str) -> None:
        self.line = 1
        self._stream = self._scan(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))

    def _scan(self, text: str) -> Iterator[_Token]:
        line = 1
        for match in _TOKEN.finditer(text):
            kind = str(match.lastgroup)
            self.line = line
            if text.startswith("/*", match.start()) and kind == "other":
                raise SchemaError("expected */ to close the comment that begins here")
            if kind != "blank":
                yield _Token(kind, match[kind])
            line += match[0].count("\n")
        self.line = line
        while True:
            yield _Token("end of file", "end of file")

    def take(self, *wanted: str, what: str = "") -> _Token:
        """The next token, which must be one of the marks or of one of the kinds in ``wanted``."""
        token = next(self._stream)
        if token.kind in wanted or (token.kind == "mark" and token.text in wanted):
            return token
        expected = what or " or ".join(f"'{one}'" if len(one) == 1 else one for one in wanted)
        raise SchemaError(f"expected {expected}, found {token.text!r}")


def _read_definition(tokens: _Tokens) -> Definition:
    columns: dict[str, list[Column]] = {}
    lines: dict[str, int] = {}
    levels = {f"*{level}*".lower(): level for level in _TABLE_NAMES}
    what = "a section such as *Patient*"
    while (opening := tokens.take("section", "end of file", what=what)).kind == "section":
        level = levels.get(opening.text.lower())
        if level is None:
            raise SchemaError(f"unknown section {opening.text}; expected one of {', '.join(_TABLE_NAMES)}")
        lines.setdefault(level, tokens.line)
        _read_section(tokens, level, columns.setdefault(level, []))
    if missing := _KEYS.keys() - columns.keys():
        raise SchemaError(f"expected a section {' and '.join(f'*{level}*' for level in sorted(missing))}")
    tables = {}
    for level, found in columns.items():
        tokens.line = lines[level]
        tables[level] = Table(level, tuple(found))
    return Definition(
        patients=tables["Patient"],
        studies=tables["Study"],
        series=tables["Series"],
        images=tables["Image"],
        worklist=tables.get("WorkList"),
    )


def _read_section(tokens: _Tokens, level: str, columns: list[Column]) -> None:
    """Append the columns of one section, from its ``{`` to its ``}``, which ends sequences that were left open too."""
    sequences: list[int] = []
    tokens.take("{")
    while (mark := tokens.take("{", ",", "}").text) != "}":
        if mark == ",":
            continue
        tag, name, *rest = _read_entry(tokens, level)
        if level == "WorkList" and len(rest) > 2 and rest[2] in _SEQUENCE_MARKS:
            _follow_sequence(sequences, tag, rest[2])
        else:
            path = (*chain.from_iterable((sequence, 0) for sequence in sequences), tag)
            columns.append(Column(name[:NAME_LENGTH], path, *rest))
            _refuse_clash(level, columns)


def _read_entry(tokens: _Tokens, level: str) -> list[Any]:
    """The rest of one entry behind its ``{``: tag, column name, and as many of the others as are given."""
    fields = _FIELDS if level == "WorkList" else _FIELDS[:-1]
    values: list[Any] = []
    for count, (what, read) in enumerate(fields, start=1):
        token = tokens.take("word", "text", "}" if count > 3 else "word", what=what)
        if token.text == "}":
            break  # behind a comma that ends a short entry
        values.append(read(token.text))
        ends = ("}",) if count == len(fields) else (",",) if count < 3 else (",", "}")
        if tokens.take(*ends).text == "}":
            break
    group, element, *rest = values
    if "SQL_C_DATE" in rest[2:]:
        rest[1] = 8  # whatever the file says, as Conquest takes it
    return [_tag(group, element), *rest]


def _follow_sequence(sequences: list[int], tag: int, mark: str) -> None:
    """Enter or leave a sequence of the work list."""
    if mark == "DT_STARTSEQUENCE":
        sequences.append(tag)
    elif not sequences or sequences.pop() != tag:
        raise SchemaError(f"DT_ENDSEQUENCE for {_tag_text(tag)} without its DT_STARTSEQUENCE")


def _number(text: str) -> int:
    """A 16-bit number; a leading zero is refused, since some readers take ``0010`` for hexadecimal."""
    if not re.fullmatch(r"0[xX][0-9a-fA-F]+|0|[1-9][0-9]*", text) or int(text, 0) > 0xFFFF:
        raise SchemaError(f"expected a number of 16 bits such as 0x0010 or 16, found {text}")
    return int(text, 0)


_FIELDS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("a group", _number), ("an element", _number), ("a column name", str), ("a length", _number),
    ("an SQL type", str), ("a DICOM type", str), ("an HL7 item", str),
)  # fmt: skip


def _added_column(definition: Sequence[Any]) -> Column:
    """A column from PyConquest's form, ``[group, element, name, (item, group, element) ...]``."""
    try:
        group, element, name, *nested = definition
        path = [_tag(_hexadecimal(group), _hexadecimal(element))]
        for item, inner_group, inner_element in zip(*[iter(nested)] * 3, strict=True):
            path += [int(item), _tag(_hexadecimal(inner_group), _hexadecimal(inner_element))]
        return Column(str(name)[:NAME_LENGTH], tuple(path))
    except (TypeError, ValueError) as error:
        raise SchemaError(
            f"expected [group, element, name] or [group, element, name, item, group, element]: {definition}"
        ) from error


def _hexadecimal(value: str | int) -> int:
    return int(value, 16) if isinstance(value, str) else value


def _tag(group: int, element: int) -> int:
    return group << 16 | element


def _tag_text(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _refuse_clash(level: str, columns: Sequence[Column]) -> None:
    """Refuse two columns of one name (SQL compares them without case), and names the index itself uses."""
    seen = set(_RESERVED_IMAGE if level == "Image" else _RESERVED)
    for column in columns:
        name = column.name.lower()
        if name in seen:
            raise SchemaError(
                f"*{level}* has a second column {column.name} (names are cut to {NAME_LENGTH} characters, "
                "and some belong to the index itself); rename or remove one"
            )
        seen.add(name)


# ----------------------------------------------------------------------------------------------- writing


def _render_section(table: Table) -> str:
    entries: list[str] = []
    opened: tuple[int, ...] = ()
    for column in table.columns:
        sequences, items = column.path[:-1:2], column.path[1::2]
        if any(items) or (sequences and table.level != "WorkList"):
            continue
        entries += _marks_between(opened, sequences)
        opened = sequences
        last = f', "{column.hl7}"' if column.hl7 else ""
        entries.append(
            f'{_render_tag(column.path[-1])}, "{column.name}", {column.length}, '
            f"{column.sql_type}, {column.dicom_type}{last}"
        )
    entries += _marks_between(opened, ())
    lines = ",\n".join(f"  {{ {entry} }}" for entry in entries)
    return f"\n*{table.level}*\n{{\n{lines}\n}}\n"


def _marks_between(before: tuple[int, ...], after: tuple[int, ...]) -> list[str]:
    """The entries that leave the sequences ``before`` and enter ``after``, from the first that differs."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    left = [
        f'{_render_tag(tag)}, "---------", 0, SQL_C_CHAR, DT_ENDSEQUENCE' for tag in reversed(before[same:])
    ]
    entered = [f'{_render_tag(tag)}, "--------", 0, SQL_C_CHAR, DT_STARTSEQUENCE' for tag in after[same:]]
    return left + entered


def _render_tag(tag: int) -> str:
    return f"0x{tag >> 16:04x}, 0x{tag & 0xFFFF:04x}"
