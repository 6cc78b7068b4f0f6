/*
  The layout of the index: which DICOM elements become columns of which table.

  An entry is { group, element, column, length, SQL type, DICOM type }. In each section the first entry
  is the key of its table and the last one the link to the table above: new entries go between them.
  Column names count up to their 10th character and must differ there. After a change, rebuild the index.

  SQL types:    SQL_C_CHAR  SQL_C_DATE (always 8 characters)
  DICOM types:  DT_STR    text, as it stands in the file
                DT_MSTR   text of several values; a query may match any one of them
                DT_ISTR   text; a query takes no notice of case
                DT_UI     unique identifier
                DT_DATE, DT_TIME                       a query may give a range
                DT_UINT16, DT_UINT32, DT_FL, DT_FD     binary numbers; the first value counts

  Conquest reads this file too, if comments stay between the sections, as here.
*/

*Patient*
{
  { 0x0010, 0x0020, "PatientID", 64, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x0010, "PatientName", 64, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x0030, "PatientBirthDate", 8, SQL_C_DATE, DT_DATE },
  { 0x0010, 0x0040, "PatientSex", 16, SQL_C_CHAR, DT_STR }
}

*Study*
{
  { 0x0020, 0x000d, "StudyInstanceUID", 64, SQL_C_CHAR, DT_UI },
  { 0x0008, 0x0020, "StudyDate", 8, SQL_C_DATE, DT_DATE },
  { 0x0008, 0x0030, "StudyTime", 16, SQL_C_CHAR, DT_TIME },
  { 0x0020, 0x0010, "StudyID", 16, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x1030, "StudyDescription", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0050, "AccessionNumber", 16, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0090, "ReferPhysician", 64, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x1010, "PatientsAge", 16, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x1030, "PatientsWeight", 16, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0061, "StudyModality", 64, SQL_C_CHAR, DT_MSTR },
  { 0x0010, 0x0010, "PatientName", 64, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x0030, "PatientBirthDate", 8, SQL_C_DATE, DT_DATE },
  { 0x0010, 0x0040, "PatientSex", 16, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x1070, "OperatorsName", 64, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x0020, "PatientID", 64, SQL_C_CHAR, DT_STR }
}

*Series*
{
  { 0x0020, 0x000e, "SeriesInstanceUID", 64, SQL_C_CHAR, DT_UI },
  { 0x0020, 0x0011, "SeriesNumber", 12, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0021, "SeriesDate", 8, SQL_C_DATE, DT_DATE },
  { 0x0008, 0x0031, "SeriesTime", 16, SQL_C_CHAR, DT_TIME },
  { 0x0008, 0x103e, "SeriesDescription", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0060, "Modality", 16, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x1090, "ManModelName", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x1155, "ReferencedSOPInstanceUID", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x5100, "PatientPosition", 16, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x0010, "ContrastBolusAgent", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0070, "Manufacturer", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x0015, "BodyPartExamined", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x1030, "ProtocolName", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x1010, "StationName", 16, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0080, "Institution", 64, SQL_C_CHAR, DT_STR },
  { 0x0020, 0x0052, "FrameOfReferenceUID", 64, SQL_C_CHAR, DT_UI },
  { 0x0028, 0x0008, "NumberOfFrames", 64, SQL_C_CHAR, DT_STR },
  { 0x3004, 0x000a, "DoseSummationType", 64, SQL_C_CHAR, DT_STR },
  { 0x3006, 0x0002, "StructureSetLabel", 64, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x0020, "SeriesPat", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x1070, "OperatorsName", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x1090, "ModelName", 64, SQL_C_CHAR, DT_STR },
  { 0x0020, 0x000d, "StudyInstanceUID", 64, SQL_C_CHAR, DT_UI }
}

*Image*
{
  { 0x0008, 0x0018, "SOPInstanceUID", 64, SQL_C_CHAR, DT_UI },
  { 0x0008, 0x0016, "SOPClassUID", 64, SQL_C_CHAR, DT_UI },
  { 0x0020, 0x0013, "ImageNumber", 12, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0023, "ImageDate", 8, SQL_C_DATE, DT_DATE },
  { 0x0008, 0x0033, "ImageTime", 16, SQL_C_CHAR, DT_TIME },
  { 0x0008, 0x1155, "ReferencedSOPInstanceUID", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x0086, "EchoNumber", 64, SQL_C_CHAR, DT_MSTR },
  { 0x0028, 0x0008, "NumberOfFrames", 12, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0022, "AcqDate", 8, SQL_C_DATE, DT_DATE },
  { 0x0008, 0x0032, "AcqTime", 16, SQL_C_CHAR, DT_TIME },
  { 0x0018, 0x1250, "ReceivingCoil", 16, SQL_C_CHAR, DT_STR },
  { 0x0020, 0x0012, "AcqNumber", 12, SQL_C_CHAR, DT_STR },
  { 0x0020, 0x1041, "SliceLocation", 16, SQL_C_CHAR, DT_STR },
  { 0x0028, 0x0002, "SamplesPerPixel", 5, SQL_C_CHAR, DT_UINT16 },
  { 0x0028, 0x0004, "PhotoMetricInterpretation", 16, SQL_C_CHAR, DT_STR },
  { 0x0028, 0x0010, "Rows", 64, SQL_C_CHAR, DT_UINT16 },
  { 0x0028, 0x0011, "Colums", 64, SQL_C_CHAR, DT_UINT16 },
  { 0x0028, 0x0030, "PixelSpacing", 64, SQL_C_CHAR, DT_STR },
  { 0x0028, 0x0101, "BitsStored", 5, SQL_C_CHAR, DT_UINT16 },
  { 0x0028, 0x1052, "RescaleIntercept", 64, SQL_C_CHAR, DT_STR },
  { 0x0028, 0x1053, "RescaleSlope", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0008, "ImageType", 128, SQL_C_CHAR, DT_MSTR },
  { 0x0054, 0x0400, "ImageID", 16, SQL_C_CHAR, DT_STR },
  { 0x0010, 0x0020, "ImagePat", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x0060, "KVP", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x1150, "ExposureTime", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x1151, "TubeCurrent", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x1152, "Exposure", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x9345, "CTDIvol", 64, SQL_C_CHAR, DT_FD },
  { 0x01f1, 0x1026, "Pitch", 64, SQL_C_CHAR, DT_STR },
  { 0x01f1, 0x1027, "RotationTime", 64, SQL_C_CHAR, DT_STR },
  { 0x01f1, 0x104a, "DoseRight", 64, SQL_C_CHAR, DT_STR },
  { 0x01f1, 0x104b, "Collimation", 64, SQL_C_CHAR, DT_STR },
  { 0x0018, 0x0050, "SliceThickness", 64, SQL_C_CHAR, DT_STR },
  { 0x0020, 0x0037, "ImageOrientationPatient", 128, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x0060, "Modality", 64, SQL_C_CHAR, DT_STR },
  { 0x0008, 0x103e, "SeriesDescription", 64, SQL_C_CHAR, DT_STR },
  { 0x0020, 0x0032, "ImagePositionPatient", 128, SQL_C_CHAR, DT_STR },
  { 0x0028, 0x0010, "QRows", 5, SQL_C_CHAR, DT_UINT16 },
  { 0x0028, 0x0011, "QColumns", 5, SQL_C_CHAR, DT_UINT16 },
  { 0x0020, 0x000e, "SeriesInstanceUID", 64, SQL_C_CHAR, DT_UI }
}

/* The modality work list. The seventh item is the HL7 field that fills the column. */
*WorkList*
{
  { 0x0008, 0x0050, "AccessionNumber", 16, SQL_C_CHAR, DT_STR, "OBR.3" },
  { 0x0010, 0x0020, "PatientID", 64, SQL_C_CHAR, DT_STR, "PID.4" },
  { 0x0010, 0x0010, "PatientName", 64, SQL_C_CHAR, DT_STR, "PID.5" },
  { 0x0010, 0x0030, "PatientBirthDate", 8, SQL_C_DATE, DT_DATE, "PID.7" },
  { 0x0010, 0x0040, "PatientSex", 16, SQL_C_CHAR, DT_STR, "PID.8" },
  { 0x0010, 0x2000, "MedicalAlerts", 64, SQL_C_CHAR, DT_STR, "---" },
  { 0x0010, 0x2110, "ContrastAllergies", 64, SQL_C_CHAR, DT_STR, "---" },
  { 0x0020, 0x000d, "StudyInstanceUID", 64, SQL_C_CHAR, DT_UI, "---" },
  { 0x0032, 0x1032, "ReqPhysician", 64, SQL_C_CHAR, DT_STR, "OBR.16" },
  { 0x0032, 0x1060, "ReqProcDescription", 64, SQL_C_CHAR, DT_STR, "OBR.4.1" },
  { 0x0040, 0x0100, "--------", 0, SQL_C_CHAR, DT_STARTSEQUENCE, "---" },
  { 0x0008, 0x0060, "Modality", 16, SQL_C_CHAR, DT_STR, "OBR.21" },
  { 0x0032, 0x1070, "ReqContrastAgent", 64, SQL_C_CHAR, DT_STR, "---" },
  { 0x0040, 0x0001, "ScheduledAE", 16, SQL_C_CHAR, DT_STR, "---" },
  { 0x0040, 0x0002, "StartDate", 8, SQL_C_DATE, DT_DATE, "OBR.7.DATE" },
  { 0x0040, 0x0003, "StartTime", 16, SQL_C_CHAR, DT_TIME, "OBR.7.TIME" },
  { 0x0040, 0x0006, "PerfPhysician", 64, SQL_C_CHAR, DT_STR, "---" },
  { 0x0040, 0x0007, "SchedPSDescription", 64, SQL_C_CHAR, DT_STR, "---" },
  { 0x0040, 0x0009, "SchedPSID", 16, SQL_C_CHAR, DT_STR, "OBR.4" },
  { 0x0040, 0x0010, "SchedStationName", 16, SQL_C_CHAR, DT_STR, "OBR.24" },
  { 0x0040, 0x0011, "SchedPSLocation", 16, SQL_C_CHAR, DT_STR, "---" },
  { 0x0040, 0x0012, "PreMedication", 64, SQL_C_CHAR, DT_STR, "---" },
  { 0x0040, 0x0400, "SchedPSComments", 64, SQL_C_CHAR, DT_STR, "---" },
  { 0x0040, 0x0100, "---------", 0, SQL_C_CHAR, DT_ENDSEQUENCE, "---" },
  { 0x0040, 0x1001, "ReqProcID", 16, SQL_C_CHAR, DT_STR, "OBR.4.0" },
  { 0x0040, 0x1003, "ReqProcPriority", 16, SQL_C_CHAR, DT_STR, "OBR.27" }
}
