"""The part of the class that reads and changes what is in objects."""

import re
from collections.abc import Sequence
from typing import Any

from pyconquest_rt.archive import hashing, store
from pyconquest_rt.archive.ingest import State
from pyconquest_rt.compat.base import RAISED
from pyconquest_rt.compat.outgoing import Outgoing
from pyconquest_rt.compat.roi_filter import filter_roinames
from pyconquest_rt.dicom import edit
from pyconquest_rt.dicom.objects import content_errors, read_object, replace_object
from pyconquest_rt.errors import ObjectError, reason


class Content(Outgoing):
    """Tags, structure sets and ROI names."""

    def set_roi_filter(
        self,
        exclude: str | Sequence[str] = ("",),
        include: str | Sequence[str] = ("",),
        roi_filter_flags: int = re.IGNORECASE,
    ) -> None:
        """Set the patterns by which :meth:`filter_roinames` selects; the empty pattern matches every name."""
        self.exclude_filter = [exclude] if isinstance(exclude, str) else list(exclude)
        self.include_filter = [include] if isinstance(include, str) else list(include)
        self.roi_filter_flags = roi_filter_flags

    def filter_roinames(self, roinames: Sequence[str]) -> list[str]:
        """Return the names that no exclude pattern matches and an include pattern does, from their start."""
        return filter_roinames(roinames, self.exclude_filter, self.include_filter, self.roi_filter_flags)

    def calculate_robust_hash(self, seriesuid: str = "") -> str | None:
        """Hash the contours of a structure set and write the hash into its row.

        Returns:
            the hash; an empty text for another modality, None for a series that is not in the index.
        """
        try:
            hashes = hashing.hash_structure_sets(self._archive, seriesuid)
        except RAISED as error:
            self._log.error("no hash was calculated: %s", reason(error))
            return None
        if not hashes:
            self._log.error("no image of this series is in the index, so there is nothing to hash")
            return None
        if not hashes[0]:
            self._log.error("the series does not hold a structure set, so there is nothing to hash")
        return hashes[0]

    def read_single_tag(self, filename: str = "", tag: edit.TagLike | None = None) -> Any:
        """Return the value of one element of a file; an empty text, and a printed line, if it is not there.

        Args:
            tag: group and element in hexadecimal, or a keyword; the default is ``("0x3253", "1000")``, an
                element of Varian's plans.

        Raises:
            UnreadableError: the file cannot be read as DICOM.
        """
        data_set = read_object(filename)
        try:
            with content_errors("its value cannot be read"):
                return data_set[edit.tag_of(tag or ("0x3253", "1000"))].value
        except ObjectError as error:
            print(f"exception encountered:{error.__cause__}")
            return ""

    def change_tag(
        self,
        filename: str,
        tag: edit.TagLike = "PatientBirthDate",
        new_value: Any = "19000101",
        create: bool = False,
    ) -> int | None:
        """Change one element of a file; a file of the archive is indexed again.

        Args:
            tag: a keyword, or group and element as ``("0x0010", "0x0030")``.
            create: make the element if the object has none.

        Returns:
            1; -1 if the object has no such element; None if the file could not be changed, which is logged.
        """
        result = self._change(filename, tag, new_value, create)
        if result == 1:
            self._reindex([filename], f"{tag} = {new_value}")
        return result

    def change_all_tags(
        self,
        filename: str | list[str] | None = None,
        seriesuid: str | list[str] | None = None,
        studyuid: str | list[str] | None = None,
        tag: edit.TagLike = "PatientBirthDate",
        new_value: Any = "19000101",
        create: bool = False,
    ) -> None:
        """Change one element in several files, or in all of a series or study; see :meth:`change_tag`."""
        names = self.get_list_of_filenames(filename, seriesuid, studyuid)
        if names is None:
            self._log.error("name the files, series or studies to change")
            return
        changed = [name for name in names if self._change(name, tag, new_value, create) == 1]
        self._reindex(changed, f"{tag} = {new_value}")

    def modify_rtstruct(
        self,
        filename: str | list[str],
        mode: str,
        roiname: str | Sequence[str],
        newname: str | Sequence[str] = "",
        write_file: bool = False,
        delete_points: bool = False,
    ) -> Any:
        """Rename ROIs of a structure set, delete them, or delete all others.

        Args:
            filename: the file, or a list of files.
            mode: ``change``, ``delete``, or ``leave`` (delete the others).
            roiname: names of ROIs.
            newname: their new names, for the mode ``change``.
            write_file: replace the file; one of the archive is indexed again.
            delete_points: in the mode ``leave``, also delete points.

        Returns:
            the changed data set; -1 for a list of files, or if there are not as many new names as names; None
            and a line in the log for an unknown mode, or a file that is not a structure set.
        """
        names = [roiname] if isinstance(roiname, str) else list(roiname)
        new_names = [newname] if isinstance(newname, str) and newname else list(newname)
        if mode not in edit.MODES:
            self._log.error("the mode %r is not known; choose one of %s", mode, ", ".join(edit.MODES))
            return None
        if mode == "change" and len(names) != len(new_names):
            self._log.error("there are %d names, but %d new ones", len(names), len(new_names))
            return -1
        if isinstance(filename, list):
            for name in filename:
                self._modify_structure_set(name, mode, names, new_names, write_file, delete_points)
            return -1
        return self._modify_structure_set(filename, mode, names, new_names, write_file, delete_points)

    # -- within -------------------------------------------------------------------------------------------

    def _modify_structure_set(
        self,
        filename: str,
        mode: str,
        names: list[str],
        new_names: list[str],
        write: bool,
        delete_points: bool,
    ) -> Any:
        try:
            data_set = read_object(filename)
            edit.modify_structure_set(data_set, mode, names, new_names, delete_points=delete_points)
            if write:
                replace_object(filename, data_set)
                self._reindex([filename], f"{mode} {', '.join(names)}")
        except RAISED as error:
            self._log.error("the structure set was not changed: %s", reason(error))
            self._log.debug("not changed: %s", filename)
            return None
        return data_set

    def _change(self, filename: str, tag: edit.TagLike, value: Any, create: bool) -> int | None:
        try:
            edit.change_tag(filename, tag, value, create=create)
        except (edit.NoSuchElementError, ValueError) as error:
            self._log.error("%s", error)
            return -1
        except RAISED as error:
            self._log.error("an element was not changed: %s", reason(error))
            self._log.debug("not changed: %s", filename)
            return None
        return 1

    def _reindex(self, filenames: Sequence[str], change: str) -> None:
        """Index those of some files again that lie in the archive, and put on record how they were changed."""
        if self._database is None:
            return
        archive = self._archive
        inside = [name for path in filenames if (name := store.object_file_of(archive, path))]
        outcomes = store.reindex(archive, inside, change)
        refused = [outcome.reason for outcome in outcomes if outcome.state is State.REJECTED]
        if self._compute_hash:
            hashing.fill_hashes(archive)
        self._log_count(len(refused), "changed files no longer agree with the index; see the table rejected")
