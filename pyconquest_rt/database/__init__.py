"""The index as tables: connection, schema (dicom.sql), rows."""
