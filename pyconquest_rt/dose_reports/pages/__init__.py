"""Dose pages: secondary captures whose dose is in private elements or drawn as text."""
