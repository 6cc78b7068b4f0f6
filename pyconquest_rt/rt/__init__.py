"""Radiotherapy objects: contours, dose grids and what is calculated from them; no database, no network."""
