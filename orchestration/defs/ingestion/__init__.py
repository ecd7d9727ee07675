"""Landed files become raw tables."""
