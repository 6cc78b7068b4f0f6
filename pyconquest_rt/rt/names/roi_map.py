"""The site's own map of ROI names: institutional name <- physician's name <- variations.

A map is held in memory and edited by small methods that keep it consistent; ``roi_files`` reads and writes
maps. The physician ``DEFAULT`` serves all who have no map of their own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pyconquest_rt.errors import SettingsError

DEFAULT_PHYSICIAN = "DEFAULT"
NO_INSTITUTIONAL = "uncategorized"  # the word of DVH Analytics' files


def map_key(name: str) -> str:
    """The form in which names are compared, that of DVH Analytics: lower case, ``_`` and blanks one blank."""
    return " ".join(name.replace("'", "`").replace("_", " ").replace(":", ";").split()).lower()


def physician_key(name: str) -> str:
    """The form in which physicians are compared: upper case, blanks as ``_``; empty means ``DEFAULT``."""
    return "_".join(name.split()).upper() or DEFAULT_PHYSICIAN


@dataclass(frozen=True)
class Entry:
    """One ROI of a physician. ``roi_type`` is the RT ROI interpreted type the site wants, or empty."""

    institutional: str
    name: str
    variations: tuple[str, ...] = ()
    roi_type: str = ""

    @property
    def is_categorised(self) -> bool:
        """Whether the entry stands under an institutional name."""
        return map_key(self.institutional) != NO_INSTITUTIONAL

    @property
    def spellings(self) -> Iterator[str]:
        """All names that lead to this entry: its own, then the variations."""
        yield self.name
        yield from self.variations


class RoiMap:
    """Entries by physician; each spelling leads to one entry of a physician at most."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        self._spellings: dict[str, dict[str, str]] = {}

    def physicians(self) -> list[str]:
        """The physicians that have entries, sorted."""
        return sorted(physician for physician, entries in self._entries.items() if entries)

    def entries(self, physician: str = DEFAULT_PHYSICIAN) -> list[Entry]:
        """The entries of one physician, sorted by institutional name and name."""
        entries = self._entries.get(physician_key(physician), {}).values()
        return sorted(entries, key=lambda entry: (entry.institutional.lower(), entry.name.lower()))

    def lookup(self, raw: str, physician: str = DEFAULT_PHYSICIAN) -> Entry | None:
        """The entry that a raw name leads to: the physician's own, else that of ``DEFAULT``."""
        key = map_key(raw)
        for who in (physician_key(physician), DEFAULT_PHYSICIAN):
            if owner := self._spellings.get(who, {}).get(key):
                return self._entries[who][owner]
        return None

    def add(
        self,
        institutional: str,
        name: str,
        variations: Iterable[str] = (),
        physician: str = DEFAULT_PHYSICIAN,
        roi_type: str = "",
    ) -> Entry:
        """Add an entry, or variations to the entry of that name.

        SettingsError if the entry stands under another institutional name, or if a spelling already leads
        elsewhere for this physician; the map is then unchanged.
        """
        who, key = physician_key(physician), map_key(name)
        if not key:
            raise SettingsError(
                f"ROI map of {who}: an entry without a name (institutional {institutional!r})"
            )
        old = self._entries.get(who, {}).get(key)
        if old and map_key(old.institutional) != map_key(institutional):
            raise SettingsError(f"ROI map of {who}: {name!r} already stands under {old.institutional!r}")
        entry = old or Entry(institutional.strip() or NO_INSTITUTIONAL, name.strip())
        return self._put(who, replace(entry, roi_type=roi_type or entry.roi_type), variations)

    def rename(self, old: str, new: str, physician: str = DEFAULT_PHYSICIAN) -> Entry:
        """Rename a physician's entry; the old name stays as a variation."""
        who = physician_key(physician)
        entry = self._require(who, old)
        owner = self._spellings[who].get(map_key(new))
        if owner not in (None, map_key(entry.name)):
            raise SettingsError(
                f"ROI map of {who}: {new!r} already leads to {self._entries[who][owner].name!r}"
            )
        self._remove(who, entry)
        variations = [entry.name, *entry.variations]
        return self._put(who, Entry(entry.institutional, new.strip(), (), entry.roi_type), variations)

    def rename_institutional(self, old: str, new: str) -> int:
        """Rename an institutional name with all physicians; returns how many entries were changed."""
        changed = 0
        for entries in self._entries.values():
            for key, entry in entries.items():
                if map_key(entry.institutional) == map_key(old):
                    entries[key] = replace(entry, institutional=new.strip())
                    changed += 1
        return changed

    def merge(self, source: str, target: str, physician: str = DEFAULT_PHYSICIAN) -> Entry:
        """Put all spellings of one entry to another and drop the first."""
        who = physician_key(physician)
        gone, kept = self._require(who, source), self._require(who, target)
        if gone is kept:
            return kept
        self._remove(who, gone)
        return self._put(who, kept, gone.spellings)

    def delete(self, name: str, physician: str = DEFAULT_PHYSICIAN, variation: str | None = None) -> None:
        """Delete an entry, or only one variation of it."""
        who = physician_key(physician)
        entry = self._require(who, name)
        self._remove(who, entry)
        if variation is None:
            return
        kept = [spelling for spelling in entry.variations if map_key(spelling) != map_key(variation)]
        self._put(who, replace(entry, variations=()), kept)
        if len(kept) == len(entry.variations):
            raise SettingsError(f"ROI map of {who}: {variation!r} is no variation of {name!r}")

    def _require(self, who: str, name: str) -> Entry:
        entry = self._entries.get(who, {}).get(map_key(name))
        if entry is None:
            raise SettingsError(f"ROI map of {who}: there is no entry {name!r}")
        return entry

    def _put(self, who: str, entry: Entry, variations: Iterable[str]) -> Entry:
        key = map_key(entry.name)
        owners = self._spellings.get(who, {})
        spellings = {map_key(spelling): spelling.strip() for spelling in entry.spellings}
        for spelling in variations:
            spellings.setdefault(map_key(spelling), spelling.strip())
        spellings.pop("", None)
        for spelling in spellings:
            if owners.get(spelling, key) != key:
                other = self._entries[who][owners[spelling]].name
                raise SettingsError(f"ROI map of {who}: {spellings[spelling]!r} already leads to {other!r}")
        entry = replace(entry, variations=tuple(text for name, text in spellings.items() if name != key))
        self._entries.setdefault(who, {})[key] = entry
        self._spellings.setdefault(who, {}).update(dict.fromkeys(spellings, key))
        return entry

    def _remove(self, who: str, entry: Entry) -> None:
        del self._entries[who][map_key(entry.name)]
        for spelling in entry.spellings:
            del self._spellings[who][map_key(spelling)]
