"""Geometry of pairs of ROIs: distances, overlap-volume histograms, directions, and isodoses."""
