"""What settings there are: one frozen dataclass per section of ``pyconquest.toml``, each key with its meaning.

What they say of themselves is also what ``config init`` writes and what the reference of settings shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from pyconquest_rt.settings.options import (
    PEERS,
    ae_title,
    between,
    by_name,
    callers,
    cron,
    functions,
    named,
    one_of,
    option,
)


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """Where the files, the database and the definition are; the defaults are PyConquest's."""

    data: str = option("data", "The data directory: one folder in it for each patient.")
    database: str = option("conquest.db", "The index, an SQLite file.")
    sql: str = option(
        "dicom.sql", "The definition of the tables; the built-in one where there is no such file."
    )
    devices: dict[str, str] = option(dict, "Conquest's further devices: name = folder.")  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """Where the listener listens, and to whom; only this machine is served unless ``host`` says otherwise."""

    host: str = option("127.0.0.1", "The address to listen on; 0.0.0.0 means all of this machine.")
    port: int = option(5678, "The port; 0 takes any that is free.", between(0, 65535))
    ae_title: str = option("PYCONQUEST", "The AE title of this archive.", ae_title)
    check_called: bool = option(False, "Reject associations that call another AE title.")
    may_store: tuple[str, ...] = option(
        ("*@*",),
        "Who may store: TITLE@HOST, where * stands for any title or host, LAB* for titles that begin so, "
        "and HOST is an address or network; the word peers stands for all known peers.",
        callers,
    )
    may_query: tuple[str, ...] = option(
        ("*@127.0.0.0/8", "*@::1", PEERS),
        "Who may query and retrieve, likewise.",
        callers,
    )
    associations: int = option(64, "Associations at a time; further ones are rejected.", between(1, 10_000))
    associations_per_host: int = option(
        0,
        "Associations at a time with one network address; 0: half of all, so that no host locks out the others.",
        between(0, 10_000),
    )
    max_matches: int = option(
        0,
        "The most answers to one query; where more match it then ends with a failure. 0 means any number.",
        between(0, 1_000_000_000),
    )
    tls_certificate: str = option(
        "", "A PEM file with this listener's certificate; set, the port speaks TLS and nothing else."
    )
    tls_key: str = option("", "A PEM file with its key, where that is not in the same file.")
    tls_ca: str = option(
        "",
        "A PEM file of authorities: peers must show a certificate by one of them. Empty: none is asked for.",
    )
    tls_required: bool = option(
        True, "With tls_ca: a peer without a certificate is turned away, not only one with a wrong one."
    )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield settings that conflict with others, each with the reason."""
        for key in ("tls_key", "tls_ca"):
            if getattr(self, key) and not self.tls_certificate:
                yield key, f"{key} is set without tls_certificate, so that TLS would not be spoken"


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """A peer by its AE title: where objects can be moved and forwarded to, and who counts among the peers."""

    host: str = option("", "Its address or host name.")
    port: int = option(104, "Its port.", between(1, 65535))
    tls: bool = option(False, "Speak TLS to it: for C-MOVE, forwards and reports of storage commitment.")
    tls_certificate: str = option(
        "", "A PEM file with the certificate to show it; empty: that of the first listener that has one."
    )
    tls_key: str = option("", "A PEM file with its key, where that is not in the same file.")
    tls_ca: str = option(
        "",
        "A PEM file of authorities, one of which must have signed the peer's certificate; empty: those of that "
        "listener, or else this machine's.",
    )
    tls_check_host: bool = option(True, "The peer's certificate must be for the host that is named here.")

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield settings that conflict with others, each with the reason."""
        if not self.host:
            yield "host", "host is missing"
        for key in ("tls_certificate", "tls_key", "tls_ca"):
            if getattr(self, key) and not self.tls:
                yield key, f"{key} is set without tls = true, so that TLS would not be spoken"


@dataclass(frozen=True, slots=True)
class ReceiveSettings:
    """What becomes of objects that arrive over the network."""

    replacement: str = option(
        "replace",
        "An object that is there already with other content: replace it, keep it, or refuse the new one.",
        one_of("replace", "keep", "refuse"),
    )
    file_names: str = option(
        "standard",
        "Names of files: standard (PatientID/SOPInstanceUID.dcm), Conquest's FileNameSyntax 0-12, or a % template.",
    )
    peers: str = option(
        "acrnema.map",
        "A file of further peers, in the form of Conquest's acrnema.map; none of them speaks TLS.",
    )


@dataclass(frozen=True, slots=True)
class DeriveSettings:
    """The processes that make rows of DVHs, structures, plans and dose reports from what arrives."""

    workers: int = option(1, "How many processes derive; 0 leaves that due.", between(0, 64))


@dataclass(frozen=True, slots=True)
class RTSettings:
    """What is derived from RT objects."""

    metrics: str = option(
        "", "The metrics of each DVH in the syntax of TG-263, between blanks; empty means the built-in list."
    )
    end_cap: str = option(
        "half", "How the outermost slabs of an ROI are closed.", one_of("half", "none", "taper")
    )
    alpha_beta: str = option(
        "",
        "alpha/beta in Gy for BED and EQD2 by ROI name or type (*: others), as in PTV=10 Parotid_L=2.5 *=3; "
        "empty means 10 for target volumes and 3 for others.",
        by_name,
    )
    geud_a: str = option(
        "",
        "gEUD's parameter a by ROI name or type, as in PTV=-10 SpinalCord=8; for gEUD without one.",
        by_name,
    )
    link: str = option(
        "reference",
        "How a dose finds its structure set: reference (by what objects refer to), or frame of reference too, where "
        "what is referred to has not come (research exports without plans); such DVHs say so.",
        one_of("reference", "frame of reference"),
    )
    partial_doses: bool = option(
        False,
        "Measure doses of beams, sessions, control points and records by the prescription of their plan too.",
    )
    other_frame_of_reference: bool = option(
        False, "Make DVHs of a structure set and a dose with different frames of reference, with a warning."
    )
    targets: str = option(
        "",
        "Names of ROIs that are targets, between blanks, with * and ?; empty, or where none is found: names mapped to "
        "a GTV, CTV or PTV, else the prescription's ROI, else the type tells.",
    )
    roi_map: str = option("roi_map.csv", "The site's map of ROI names (.csv or .roi), where there is one.")
    goals: str = option("goals.toml", "The site's lists of clinical goals, where there are some.")


@dataclass(frozen=True, slots=True)
class DoseSettings:
    """What is read of dose reports and dose-bearing images."""

    ocr: bool = option(
        False,
        "Read CT dose pages whose values stand only in the pixels (needs pyconquest_rt[ocr], Tesseract).",
    )
    ocr_seconds: float = option(30.0, "So long one such page may take.", between(1, 600))

    pull_peer: str = option(
        "", "The AE title of a peer (section [peer.AET]) that dose objects are fetched from; empty: none."
    )
    pull_days: int = option(3, "Studies of so many days back are looked at.", between(0, 36500))

    def allowed_ocr_seconds(self) -> float | None:
        """Return the time limit of OCR for one page in seconds; None when OCR is off."""
        return self.ocr_seconds if self.ocr else None


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """When the jobs run: cron expressions (minute hour day month weekday) in local time; empty means never."""

    rebuild: str = option("30 1 * * *", "Index what lies in the data directory and is missing.", cron)
    backup: str = option("30 2 * * *", "Back the database up.", cron)
    verify: str = option("0 3 * * sun", "Compare the index with the files, and report.", cron)
    upkeep: str = option("30 3 * * *", "Keep the database in order: checkpoint, statistics.", cron)
    retention: str = option("0 4 * * *", "Look at quota and free space.", cron)
    ctk: str = option("*/15 * * * *", "Bring the ctkDICOM database into line, where there is one.", cron)
    dose_pull: str = option(
        "5 * * * *", "Fetch dose objects from the peer of [dose], where one is set.", cron
    )
    sources: str = option("15 * * * *", "List what the sources beyond the local disk have.", cron)
    forward_minutes: float = option(
        1.0,
        "How often to try what waits in the outgoing queue; what arrives is sent at once. 0 means never.",
        between(0, 1440),
    )
    sweep_minutes: float = option(
        5.0, "How often to look for derivations that are due; 0 means never.", between(0, 1440)
    )
    late_hours: float = option(
        6.0, "A job that could not start (the machine slept) still runs so much later.", between(0.1, 24)
    )


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """A folder whose files are taken into the archive."""

    folder: str = option(
        "", "The folder to watch; empty means none. Folders in it and ZIP files are read too."
    )
    seconds: float = option(
        5.0, "Time between two looks; a file is taken when both find it the same.", between(0.05, 3600)
    )
    keep: bool = option(
        False, "Leave the files where they are once they are stored; otherwise they are removed."
    )
    rejects: str = option("rejects", "Where files go that cannot be stored, each with its reason beside it.")


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How much room the archive may take; what exceeds it is reported, oldest patients first."""

    quota_gb: float = option(0.0, "The size that all files together may reach; 0 means any.", between(0, 1e9))
    min_free_gb: float = option(0.0, "The space on the disk that stays free; 0 means any.", between(0, 1e9))
    remove: bool = option(False, "Remove those patients, files and rows; otherwise they are only reported.")


@dataclass(frozen=True, slots=True)
class CtkSettings:
    """A ctkDICOM database over the archive's files, which 3D Slicer opens."""

    folder: str = option("", "Where ctkDICOM.sql is kept up to date; empty means there is none.")
    absolute: bool = option(False, "Name files below that folder by absolute paths too.")


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Copies of the database."""

    folder: str = option("backups", "Where backups go; best on another disk.")
    count: int = option(7, "How many are kept.", between(1, 10_000))


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written while the service runs; INFO and above name no patient."""

    level: str = option(
        "INFO", "The least that is written.", one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    )
    form: str = option("text", "Lines of text, or of JSON.", one_of("text", "json"))
    file: str = option("", "A file that receives the same as stderr; empty means none.")
    megabytes: float = option(10.0, "The size at which that file is put aside.", between(0.001, 10_000))
    count: int = option(5, "How many files put aside are kept.", between(0, 1000))


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Figures for Prometheus, at http://127.0.0.1:PORT/metrics."""

    port: int = option(0, "The port, on this machine only; 0 means none.", between(0, 65535))


@dataclass(frozen=True, slots=True)
class HooksSettings:
    """Functions of your own, as module:function; modules may lie in the working directory."""

    stored: tuple[str, ...] = option((), "Called with each object that was stored.", functions)
    derived: tuple[str, ...] = option((), "Called with each object that was derived.", functions)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings: one attribute a section, or all sections of a kind that have names."""

    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    listener: ListenerSettings = field(default_factory=ListenerSettings)
    listeners: dict[str, ListenerSettings] = named(  # noqa: RUF009
        "listener",
        ListenerSettings,
        "A further listener; what it does not set is as in the section listener.",
    )
    peers: dict[str, PeerSettings] = named("peer", PeerSettings, PeerSettings.__doc__ or "")  # noqa: RUF009
    receive: ReceiveSettings = field(default_factory=ReceiveSettings)
    derive: DeriveSettings = field(default_factory=DeriveSettings)
    rt: RTSettings = field(default_factory=RTSettings)
    dose: DoseSettings = field(default_factory=DoseSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    ctk: CtkSettings = field(default_factory=CtkSettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    hooks: HooksSettings = field(default_factory=HooksSettings)

    @property
    def own_identity(self) -> ListenerSettings:
        """Return the first listener with a certificate (also used towards peers), else the first listener."""
        return next((each for each in self.all_listeners if each.tls_certificate), self.listener)

    @property
    def all_listeners(self) -> list[ListenerSettings]:
        """Return all listeners, the unnamed one first."""
        return [self.listener, *self.listeners.values()]


NAMED = {key.metadata["section"]: key for key in fields(Settings) if key.metadata}
"""The fields of the sections that have names, by what stands before these in the file."""
PLAIN = [key.name for key in fields(Settings) if not key.metadata]
