"""The part of the class that says what is in the archive, as rows with plain names."""

from typing import Any, TypedDict, Unpack

from pyconquest_rt.compat.base import Base


class Conditions(TypedDict, total=False):
    """What chooses rows: modality, date (``YYYY-MM-DD``) of the study, series or arrival, description, how many."""

    modality: str | None
    since: str | None
    description: str | None
    limit: int | None


class Catalog(Base):
    """What is in the archive; each method is one line over :mod:`pyconquest_rt.exports.catalog` or ``chain``."""

    def patients(self, pattern: str | None = None, **conditions: Unpack[Conditions]) -> list[dict[str, Any]]:
        """Return one row for each patient: see :func:`pyconquest_rt.exports.catalog.listed`."""
        from pyconquest_rt.exports.catalog import listed

        return listed(self._archive, "patients", pattern, **conditions)

    def studies(self, pattern: str | None = None, **conditions: Unpack[Conditions]) -> list[dict[str, Any]]:
        """Return one row for each study."""
        from pyconquest_rt.exports.catalog import listed

        return listed(self._archive, "studies", pattern, **conditions)

    def series(self, pattern: str | None = None, **conditions: Unpack[Conditions]) -> list[dict[str, Any]]:
        """Return one row for each series."""
        from pyconquest_rt.exports.catalog import listed

        return listed(self._archive, "series", pattern, **conditions)

    def objects(self, pattern: str | None = None, **conditions: Unpack[Conditions]) -> list[dict[str, Any]]:
        """Return one row for each object."""
        from pyconquest_rt.exports.catalog import listed

        return listed(self._archive, "objects", pattern, **conditions)

    def show(self, key: str) -> dict[str, Any]:
        """Return all that is known of a patient, study, series or object; the end of a UID will do if it is unique."""
        from pyconquest_rt.exports.catalog import show

        return show(self._archive, key)

    def chain(self, patient_id: str) -> list[Any]:
        """Return the doses of a patient, each with its plan, structure set and images: see ``exports.chain.Node``."""
        from pyconquest_rt.exports.chain import chains

        return chains(self._archive, patient_id)
