"""The query provider: C-FIND on the index (DICOM PS3.4 Annex C).

All matches are those of the index. What a request asks for beyond its columns is read from the header of one
instance of each entity; where even that does not have it, the answer's attribute is empty.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pyconquest_rt.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Item, Source
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.errors import DatabaseError, ObjectError, StorageError, UnreadableError
from pyconquest_rt.net.protocol.association import Association, Message
from pyconquest_rt.net.protocol.dimse import (
    C_FIND_RQ,
    CANCELLED,
    CANNOT_UNDERSTAND,
    DATA_SET_PRESENT,
    IDENTIFIER_MISMATCH,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    SUCCESS,
)
from pyconquest_rt.net.services import stored
from pyconquest_rt.net.services.answers import Value, encode_answer
from pyconquest_rt.net.services.identifier import PATIENT_ROOT_FIND, PATIENT_STUDY_FIND, STUDY_ROOT_FIND
from pyconquest_rt.net.services.index import Index, Rows
from pyconquest_rt.net.services.query import (
    LEVELS,
    QUERY_RETRIEVE_LEVEL,
    SPECIFIC_CHARACTER_SET,
    Query,
    find_query,
    is_held_below,
    level_number,
    representative_query,
)
from pyconquest_rt.net.services.sequences import answered
from pyconquest_rt.net.services.serving import Handler, Session, is_cancelled, refuse, reply

_LOG = logging.getLogger(__name__)
_RETRIEVE_AE_TITLE: Final = 0x00080054
_INSTANCE_AVAILABILITY: Final = 0x00080056
_MODEL_LEVELS: Final = {
    PATIENT_ROOT_FIND: (0, 1, 2, 3),
    STUDY_ROOT_FIND: (1, 2, 3),
    PATIENT_STUDY_FIND: (0, 1),
}
_COMBINED: Final = 1
_MAX_ELEMENTS: Final = 10_000
_SEQUENCE: Final = "SQ"
_BUILT: Final = (QUERY_RETRIEVE_LEVEL, SPECIFIC_CHARACTER_SET)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A request's identifier: its level, the text of its keys by tag, and their VRs."""

    level: int
    keys: dict[int, str]
    vrs: dict[int, str]
    charset: str
    has_sequence_keys: bool
    items: dict[int, Item | None]
    """Of each sequence the item that says what is asked for of its items, None where there is none."""


def read_identifier(data: bytes, transfer_syntax_uid: str) -> Identifier:
    """Read an identifier; sequences count as keys that ask only, and what their items are to match is passed over.

    Raises UnreadableError if it is malformed, ObjectError if its level is none.
    """
    encoding = IMPLICIT_LITTLE if transfer_syntax_uid == stored.IMPLICIT_LITTLE else EXPLICIT_LITTLE
    source = Source(data)
    source.budget = _MAX_ELEMENTS
    item = Item(source, 0, len(data), encoding)
    level = level_number(item.text(QUERY_RETRIEVE_LEVEL))
    vrs = {tag: item.vr(tag) for tag in item.tags() if tag & 0xFFFF and tag not in _BUILT}
    sequences = [tag for tag, vr in vrs.items() if vr == _SEQUENCE]
    keys = {tag: "" if tag in sequences else _text(item, tag) for tag in vrs}
    has_sequence_keys = any(map(item.raw, sequences))
    items = {tag: item.first(tag) for tag in sequences}
    return Identifier(level, keys, vrs, _text(item, SPECIFIC_CHARACTER_SET), has_sequence_keys, items)


def _text(item: Item, tag: int) -> str:
    return item.text(tag) or ""


class FindService:
    """Answers C-FIND requests of the patient root, study root and patient/study only models.

    Args:
        index: what is searched.
        aet: the AE title from which the answers can be retrieved.
        max_matches: more answers than this are not given; the request then ends with a failure. None: no limit.
    """

    def __init__(self, index: Index, aet: str, max_matches: int | None = None) -> None:
        self._index, self._aet, self._limit = index, aet, max_matches

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by SOP class, for a listener's services."""
        return dict.fromkeys(_MODEL_LEVELS, self.handle)

    def handle(self, session: Session, message: Message) -> None:
        """Answer one request."""
        if message.command.number("CommandField") != C_FIND_RQ:
            refuse(session, message)
            return
        association, context = session.association, message.context
        data = association.read_data_set()
        comment = ""
        try:
            asked = read_identifier(data, context.transfer_syntax)
            if asked.level not in _MODEL_LEVELS[context.abstract_syntax]:
                raise ObjectError(f"this model has no {LEVELS[asked.level]} level")
            status = self._answer(association, message, asked)
        except UnreadableError as error:
            status, comment = CANNOT_UNDERSTAND, str(error)
        except ObjectError as error:
            status, comment = IDENTIFIER_MISMATCH, str(error)
        except DatabaseError as error:
            _LOG.error("C-FIND of %s: %s", association.calling_aet, error)
            status, comment = OUT_OF_RESOURCES, "the index cannot be read"
        reply(session, message, status, comment)

    def _answer(self, association: Association, message: Message, asked: Identifier) -> int:
        """Send all matches and return the final status."""
        context = message.context
        combined = association.extended.get(context.abstract_syntax, b"")[_COMBINED : _COMBINED + 1] == b"\1"
        limit = None if self._limit is None else self._limit + 1
        query = find_query(self._index.definition, asked.level, asked.keys, combined=combined, limit=limit)
        matched = not query.unmatched and not asked.has_sequence_keys
        pending = message.command.answer(
            PENDING if matched else PENDING_OPTIONAL_KEYS_UNSUPPORTED, CommandDataSetType=DATA_SET_PRESENT
        )
        with self._index.open() as rows:
            for number, values in enumerate(self._values(rows, query, asked)):
                if number == self._limit:
                    return OUT_OF_RESOURCES
                if is_cancelled(association, message):
                    return CANCELLED
                association.send(
                    context, pending, encode_answer(values, context.transfer_syntax, asked.charset)
                )
        return SUCCESS

    def _values(self, rows: Rows, query: Query, asked: Identifier) -> Iterator[dict[int, Value]]:
        """Yield the attributes of each match by tag: all that were asked for, with or without a value."""
        answer = {tag: Value(vr, "") for tag, vr in asked.vrs.items()}
        answer[QUERY_RETRIEVE_LEVEL] = Value("CS", LEVELS[asked.level])
        answer[_RETRIEVE_AE_TITLE] = Value("AE", self._aet)
        if _INSTANCE_AVAILABILITY in answer:
            answer[_INSTANCE_AVAILABILITY] = Value("CS", "ONLINE")
        headers = _Headers(self._index, rows, asked, query)
        for key, *texts in rows.read(query.sql, query.parameters):
            found = zip(query.tags, texts, strict=True)
            values = {tag: Value(asked.vrs[tag], str(text)) for tag, text in found if text is not None}
            yield answer | headers.read(key) | values


class _Headers:
    """Reads what the index does not hold from the file of one instance of an entity."""

    def __init__(self, index: Index, rows: Rows, asked: Identifier, query: Query) -> None:
        self._index, self._rows, self._vrs, self._items = index, rows, asked.vrs, asked.items
        known = {*query.tags, _RETRIEVE_AE_TITLE, _INSTANCE_AVAILABILITY, *asked.items}
        self._tags = [
            tag
            for tag in asked.vrs
            if tag not in known and not is_held_below(index.definition, asked.level, tag)
        ]
        fields = [Field((tag,)) for tag in self._tags]
        self._reader = HeaderReader(fields, asked.items) if fields or asked.items else None
        self._sql = representative_query(index.definition, asked.level)

    def read(self, key: str) -> dict[int, Value]:
        """Return the attributes that the entity's first file has."""
        if self._reader is None:
            return {}
        with suppress(UnreadableError, StorageError):
            for object_file, device in self._rows.read(self._sql, (key,)):
                header = self._reader.read_file(self._index.path_of(object_file or "", device))
                texts = zip(self._tags, header.values, strict=True)
                values = {tag: Value(self._vrs[tag], text) for tag, text in texts if text is not None}
                for tag, items in header.sequences.items():
                    values[tag] = Value(_SEQUENCE, "", answered(items, self._items[tag]))
                return values
        return {}
