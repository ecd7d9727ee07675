"""The serving copy."""
