"""What a rebuild did: how many files, and which."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from pyconquest_rt.archive.ingest import Outcome, State

NAMED = 100


@dataclass
class Changes:
    """Files with one outcome: the first hundred by name, and counts by folder.

    Folders beyond the first hundred are counted together, as ``...``.
    """

    files: list[str] = field(default_factory=list)
    folders: dict[str, int] = field(default_factory=dict)

    def add(self, paths: Sequence[str]) -> None:
        """Add files."""
        self._add(paths, Counter([path.rpartition("/")[0] or "." for path in paths]))

    def __iadd__(self, other: Self) -> Self:
        """Merge another list of files into this one."""
        self._add(other.files, other.folders)
        return self

    def _add(self, files: Sequence[str], folders: Mapping[str, int]) -> None:
        self.files += files[: NAMED - len(self.files)]
        for folder, count in folders.items():
            name = folder if folder in self.folders or len(self.folders) < NAMED else "..."
            self.folders[name] = self.folders.get(name, 0) + count


@dataclass
class Report:
    """What a rebuild did.

    ``read`` counts the files that were newly seen or seen again, junk included; ``rejected`` holds path and reason.
    ``changes`` says which files were indexed, updated, moved (by their new name), duplicate and removed.
    ``faulty`` holds path and reason of files that were indexed though something is wrong with them, such as one that is
    cut off; ``skipped`` counts files that an index does not hold (DICOMDIR).
    ``unreachable`` counts known files that were not listed but have not gone, as in folders that cannot be listed or
    when they came meanwhile; their rows stay. ``withheld`` counts rows of files that have gone, but are so many that
    the rows stay: perhaps a disk is not there. ``judged_again`` counts files of studies that were given to another
    patient, because most of their files name that one; the counts of what was read are those of the first judgement.
    """

    read: int = 0
    indexed: int = 0
    updated: int = 0
    moved: int = 0
    duplicates: int = 0
    unchanged: int = 0
    removed: int = 0
    unreachable: int = 0
    withheld: int = 0
    skipped: int = 0
    judged_again: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    faulty: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    changes: dict[str, Changes] = field(default_factory=dict)

    def __iadd__(self, other: Self) -> Self:
        """Merge another report into this one."""
        for part in fields(self):
            if part.name != "changes":
                setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))
        for what, changes in other.changes.items():
            self.changes[what] = self.changes.get(what, Changes())
            self.changes[what] += changes
        return self

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Add the outcomes of one batch."""
        by_state: dict[State, list[str]] = {state: [] for state in State}
        for path, state, _, reason in outcomes:
            by_state[state].append(path)
            if state is State.REJECTED:
                self.rejected.append((path, reason or ""))
            elif reason and state is not State.SKIPPED:
                self.faulty.append((path, reason))
        self.read += sum(map(len, by_state.values()))
        self.indexed += len(by_state[State.INDEXED])
        self.updated += len(by_state[State.UPDATED])
        self.moved += len(by_state[State.MOVED])
        self.duplicates += len(by_state[State.DUPLICATE])
        self.skipped += len(by_state[State.SKIPPED])
        del by_state[State.REJECTED]
        for state, paths in by_state.items():
            self._add(state, paths)

    def count_removed(self, paths: Sequence[str]) -> None:
        """Add files that have gone from the disk, and with them from the index."""
        self.removed += len(paths)
        self._add("removed", paths)

    def _add(self, what: str, paths: Sequence[str]) -> None:
        if paths:
            self.changes.setdefault(str(what), Changes()).add(paths)

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold; of the rejected files the first hundred, and their number."""
        named = {"rejected": self.rejected[:NAMED], "faulty": self.faulty[:NAMED]}
        return asdict(self) | named | {"rejected_count": len(self.rejected), "faulty_count": len(self.faulty)}

    def __str__(self) -> str:
        rate = f", {self.read / self.seconds:.0f} files/s" if self.seconds and self.read else ""
        skipped = f", {self.skipped} skipped (DICOMDIR)" if self.skipped else ""
        faulty = f", {len(self.faulty)} of them faulty" if self.faulty else ""
        withheld = (
            f", {self.withheld} rows of files that have gone stay, since they are more than a tenth "
            "(is a disk missing? --force removes them)"
            if self.withheld
            else ""
        )
        judged = (
            f", {self.judged_again} judged again by what most files of their study say"
            if self.judged_again
            else ""
        )
        unreachable = f", {self.unreachable} cannot be reached" if self.unreachable else ""
        return (
            f"{self.read} files read ({self.indexed} indexed, {self.updated} updated, {self.moved} moved, "
            f"{self.duplicates} duplicates, {len(self.rejected)} rejected{skipped}{faulty}), "
            f"{self.unchanged} unchanged, {self.removed} removed from the index{judged}{unreachable}{withheld}; "
            f"{self.seconds:.1f} s{rate}"
        )
