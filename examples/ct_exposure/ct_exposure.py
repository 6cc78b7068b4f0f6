"""One row per CT image: tube voltage in kV (0018,0060) and exposure in mAs (0018,1152)."""

from pydicom import dcmread
from pydicom.uid import CTImageStorage

from pyconquest_rt.derive.extractor import Extractor, Rows, Source

SCHEMA = "CREATE TABLE ct_exposure(SOPInstanceUID TEXT PRIMARY KEY, kvp REAL, mas REAL);"


def extract(source: Source) -> Rows:
    """Return the row of one image; what the image does not say is NULL."""
    image = dcmread(source.path, stop_before_pixels=True, specific_tags=["KVP", "Exposure"])
    row = {"SOPInstanceUID": source.sop, "kvp": image.get("KVP"), "mas": image.get("Exposure")}
    return {"ct_exposure": [row]}


EXTRACTOR = Extractor(
    name="ct_exposure",
    version=1,  # raise it when the same image would give other rows: all images are read again then
    sop_classes=(CTImageStorage,),
    tables=("ct_exposure",),
    scripts=(SCHEMA,),
    extract=extract,
)
