"""Dose-volume histograms: contours and dose grids to curves and metrics."""
