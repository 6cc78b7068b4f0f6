"""A stored object in another transfer syntax than its own, for a peer that refuses the stored one."""

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.net.stored import StoredObject


def encode_as(stored: StoredObject, transfer_syntax_uid: str) -> bytes:
    """Return the object's data set in an uncompressed transfer syntax; pixel data are decompressed for it.

    The identifiers stay. Raises UnreadableError where pydicom, or the extra ``[pixels]``, cannot do it.
    """
    target = UID(transfer_syntax_uid)
    try:
        data_set = dcmread(stored.path, force=True)
        if UID(stored.transfer_syntax_uid).is_encapsulated:
            data_set.decompress(generate_instance_uid=False)
        buffer = DicomBytesIO()
        buffer.is_implicit_VR = target.is_implicit_VR
        buffer.is_little_endian = target.is_little_endian
        write_dataset(buffer, data_set)
    except (
        InvalidDicomError,
        RuntimeError,
        ValueError,
        AttributeError,
        KeyError,
        NotImplementedError,
        OSError,
    ) as error:
        raise UnreadableError(
            f"{stored.path} cannot be changed from {UID(stored.transfer_syntax_uid).name} to {target.name}: "
            f"{error}"
        ) from error
    return buffer.getvalue()
