"""Dose in the headers of images: one module for each modality."""
