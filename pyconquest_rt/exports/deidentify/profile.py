"""The Basic Application Level Confidentiality Profile of DICOM PS3.15 Annex E, with some of its options.

What is done with which attribute is table E.1-1 of DICOM 2026c, as the package ``dicom-anonymizer`` keeps it. It is
applied here to every data set, however deep in sequences, so that references stay whole. Beyond the table go private
attributes, attributes that no dictionary knows, and every UID that is not registered by DICOM. What the table does not
speak of is treated by its VR and its name: dates, names of persons, addresses and URLs, AE titles, order numbers, and
all texts about the patient. What is left of texts is searched for the patient's names and identifiers.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
from dicomanonymizer.simpledicomanonymizer import replace_element
from pydicom import DataElement, Dataset
from pydicom.datadict import (
    dictionary_has_tag,
    dictionary_VR,
    keyword_for_tag,
    repeater_has_tag,
    tag_for_keyword,
)
from pydicom.tag import BaseTag

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.exports.deidentify.identity import identity_of, text_of
from pyconquest_rt.exports.deidentify.options import CODES, DESCRIPTORS, KEEP, Dates
from pyconquest_rt.exports.deidentify.pseudonyms import Pseudonyms

EDITION: Final = "dicomfields_2026c"

_TEXTS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_REDACTED: Final = "X"

_PATIENT_GROUP: Final = 0x0010
_SPECIES: Final = frozenset({0x00102201, 0x00102292})  # PatientSpeciesDescription, PatientBreedDescription
_IDENTIFYING: Final = re.compile(
    "OrderNumber|AccessionNumber|UR[IL]$|Address|Telephone|E[mM]ail|AlternativeCalendar|Signature|UserName|Login"
)
_NOT_INSTANCES: Final = frozenset({"CodingSchemeUID", "ContextUID", "MappingResourceUID"})
_DICOM_ROOT: Final = "1.2.840.10008."


class Profile:
    """The profile with the options that are wanted, under one key.

    Args:
        pseudonyms: whence identifiers and the shifts of dates come.
        dates: ``shift`` moves all dates of a patient by the same number of weeks (times of the day stay),
            ``remove`` takes dates and times away as the profile alone has it.
        keep: words of :data:`KEEP`.

    Raises:
        SettingsError: a word is not known.
    """

    def __init__(self, pseudonyms: Pseudonyms, *, dates: Dates = "shift", keep: Collection[str] = ()) -> None:
        if unknown := sorted(set(keep) - set(KEEP)):
            raise SettingsError(f"{', '.join(unknown)} cannot be kept; known are {', '.join(KEEP)}")
        self.pseudonyms, self._dates, self._keep = pseudonyms, dates, tuple(keep)
        self._kept = frozenset(BaseTag(tag_for_keyword(name) or 0) for word in keep for name in KEEP[word])

    def apply(self, data_set: Dataset, patient_id: str | None = None) -> None:
        """Make an object one of a pseudonym, in place; pixels, doses and contours stay as they are.

        Args:
            data_set: the object.
            patient_id: whose it is, where that is not what the object says.
        """
        if patient_id is None:
            patient_id = text_of(data_set, "PatientID")
        pseudonym = self.pseudonyms.patient(patient_id)
        is_report = "ContentSequence" in data_set
        identity = identity_of(data_set, patient_id)
        _Cleaning(self.pseudonyms, self._kept, self._days(patient_id), identity).clean(data_set)
        data_set.PatientID = data_set.PatientName = pseudonym
        data_set.PatientIdentityRemoved = "YES"
        data_set.LongitudinalTemporalInformationModified = "MODIFIED" if self._dates == "shift" else "REMOVED"
        codes = [CODES[name] for name in self._options(is_report)]
        data_set.DeidentificationMethod = [meaning[:64] for _, meaning in codes]
        data_set.DeidentificationMethodCodeSequence = [_code(*code) for code in codes]

    def _days(self, patient_id: str) -> int | None:
        return self.pseudonyms.shift_days(patient_id) if self._dates == "shift" else None

    def _options(self, is_report: bool) -> list[str]:
        done = {"profile", self._dates, *self._keep}
        if is_report:
            done.add("structured content")
        if DESCRIPTORS & done:
            done.add("descriptors")
        return [name for name in CODES if name in done]


class _Cleaning:
    """One object on its way through the profile."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        kept: frozenset[BaseTag],
        days: int | None,
        identity: re.Pattern[str] | None,
    ) -> None:
        self._pseudonyms, self._kept, self._days, self._identity = pseudonyms, kept, days, identity

    def clean(self, data_set: Dataset) -> None:
        """Treat every attribute of a data set, and of those in its sequences."""
        for tag in list(data_set.keys()):
            vr = _vr(data_set, tag)
            if tag.is_private or vr is None:
                del data_set[tag]
            elif self._is_date_to_keep(tag, vr):
                self._shift(data_set, tag, vr)
            elif tag in self._kept:
                self._other(data_set, tag, vr)
            else:
                action = _rule(tag)
                (action or _Cleaning._unknown)(self, data_set, tag, vr)

    # -- what the table says of an attribute ----------------------------------------------------------------

    def remove(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        """X: it goes."""
        del data_set[tag]

    def empty(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        """Z: it stays without a value."""
        data_set[tag] = DataElement(tag, vr, [] if vr == "SQ" else None)

    def dummy(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        """D: it gets a value that means nothing; in sequences every value does, but UIDs stay related."""
        if vr == "SQ":
            for item in data_set[tag].value:
                for inner in list(item.keys()):
                    inner_vr = _vr(item, inner)
                    if inner.is_private or inner_vr is None:
                        del item[inner]
                    else:
                        self.dummy(item, inner, inner_vr)
        elif vr == "UI":
            self.replace_uid(data_set, tag, vr)
        else:
            _replace(data_set, tag)

    def replace_uid(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        """U: every UID of an instance becomes the one that stands for it everywhere."""
        element = data_set[tag]
        if element.VM > 1:
            element.value = [self._uid(str(uid)) for uid in element.value]
        elif element.value:
            element.value = self._uid(str(element.value))

    def within(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        """A sequence that stays; what is in it is treated."""
        for item in data_set[tag].value:
            self.clean(item)

    # -- what it does not speak of --------------------------------------------------------------------------

    def _unknown(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        """By its VR and its name: addresses and titles of systems, order numbers, texts about the person go."""
        about_person = tag.group == _PATIENT_GROUP and vr in _TEXTS and tag not in _SPECIES
        if vr in {"UR", "AE"} or about_person or _IDENTIFYING.search(keyword_for_tag(tag)):
            self.remove(data_set, tag, vr)
        else:
            self._other(data_set, tag, vr)

    def _other(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        if vr == "SQ":
            self.within(data_set, tag, vr)
        elif vr == "UI" and not _is_class(tag):
            self.replace_uid(data_set, tag, vr)
        elif vr == "PN":
            self.empty(data_set, tag, vr)
        elif vr in {"DA", "DT"}:
            self.remove(data_set, tag, vr)
        elif vr in _TEXTS:
            self._redact(data_set, tag)

    def _redact(self, data_set: Dataset, tag: BaseTag) -> None:
        """Take the patient's names and identifiers out of a text."""
        if self._identity is None:
            return
        element = data_set[tag]
        values = [str(value) for value in element.value] if element.VM > 1 else [str(element.value or "")]
        cleaned = [self._identity.sub(_REDACTED, value) for value in values]
        if cleaned != values:
            element.value = cleaned if len(cleaned) > 1 else cleaned[0]

    def _uid(self, uid: str) -> str:
        return uid if uid.startswith(_DICOM_ROOT) else self._pseudonyms.uid(uid)

    def _is_date_to_keep(self, tag: BaseTag, vr: str) -> bool:
        """Whether dates are shifted; those of the patient (birth and the like) follow the table all the same."""
        return self._days is not None and vr in {"DA", "DT", "TM"} and tag.group != _PATIENT_GROUP

    def _shift(self, data_set: Dataset, tag: BaseTag, vr: str) -> None:
        """Move dates by the patient's number of days; a value that is none goes. Times of the day stay."""
        if vr == "TM":
            return
        assert self._days is not None
        element = data_set[tag]
        values = element.value if element.VM > 1 else [element.value]
        try:
            shifted = [shift_date(str(value), self._days) if value else "" for value in values]
        except (ValueError, OverflowError):
            del data_set[tag]
            return
        element.value = shifted if len(shifted) > 1 else shifted[0]


def shift_date(value: str, days: int) -> str:
    """Return a DA or DT value moved by whole days; one of a year or a month moves by its first day.

    Raises:
        ValueError: it is no date (DICOM PS3.5 section 6.2).
    """
    text = (
        value.strip().replace(".", "", 2)
        if re.fullmatch(r"\d{4}\.\d\d\.\d\d", value.strip())
        else value.strip()
    )
    found = re.fullmatch(r"(\d{4})(\d\d)?(\d\d)?(.*)", text)
    if found is None:
        raise ValueError(f"{value!r} is no date")
    year, month, day, rest = found.groups()
    moved = datetime(int(year), int(month or 1), int(day or 1)) + timedelta(days=days)
    return f"{moved:%Y%m%d}"[: len(text) - len(rest)].rjust(len(text) - len(rest), "0") + rest


# -- the table ----------------------------------------------------------------------------------------------

Action = Callable[[_Cleaning, Dataset, BaseTag, str], None]

_ACTIONS: Final[Mapping[str, Action]] = {
    "D_TAGS": _Cleaning.dummy,
    "Z_TAGS": _Cleaning.empty,
    "X_TAGS": _Cleaning.remove,
    "U_TAGS": _Cleaning.replace_uid,
    "Z_D_TAGS": _Cleaning.dummy,
    "X_Z_TAGS": _Cleaning.empty,
    "X_D_TAGS": _Cleaning.dummy,
    "X_Z_D_TAGS": _Cleaning.dummy,
    "X_Z_U_STAR_TAGS": _Cleaning.within,
}
"""By what the table prescribes; where it leaves a choice, the one with which any IOD stays valid."""


@cache
def _table() -> tuple[dict[int, Action], list[tuple[int, int, int, int, Action]]]:
    """Return the actions of single attributes, and of repeating groups with their masks."""
    single: dict[int, Action] = {}
    # Overlays go as a whole, not only their data.
    repeating: list[tuple[int, int, int, int, Action]] = [(0x6000, 0, 0xFF00, 0, _Cleaning.remove)]
    categories = dicom_anonymization_database_selector(EDITION)
    for name, action in _ACTIONS.items():
        for tag in categories[name]:
            if len(tag) == 2:
                single[tag[0] << 16 | tag[1]] = action
            else:
                repeating.append((*tag, action))
    single[_number("ContentSequence")] = _Cleaning.within  # cleaned item by item: 113104
    single[_number("TextValue")] = _Cleaning.dummy
    return single, repeating


def _number(keyword: str) -> int:
    number = tag_for_keyword(keyword)
    assert number is not None
    return number


@cache
def _rule(tag: BaseTag) -> Action | None:
    single, repeating = _table()
    if action := single.get(tag):
        return action
    for group, element, group_mask, element_mask, action in repeating:
        if (
            tag.group & group_mask == group & group_mask
            and tag.element & element_mask == element & element_mask
        ):
            return action
    return None


def _vr(data_set: Dataset, tag: BaseTag) -> str | None:
    """The VR of an element, without decoding it; None for an attribute that no dictionary knows."""
    if not (dictionary_has_tag(tag) or repeater_has_tag(tag)):
        return None
    vr = data_set.get_item(tag).VR
    return dictionary_VR(tag) if vr in (None, "UN") else str(vr)


def _is_class(tag: BaseTag) -> bool:
    """Whether a UID names a class, a syntax or a coding scheme, not an instance."""
    keyword = keyword_for_tag(tag)
    return keyword.endswith(("ClassUID", "TransferSyntaxUID")) or keyword in _NOT_INSTANCES


def _replace(data_set: Dataset, tag: BaseTag) -> None:
    """Put the dummy value of its VR into an element; one of a VR that has none goes."""
    try:
        replace_element(data_set[tag])
    except NotImplementedError:
        del data_set[tag]


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code
