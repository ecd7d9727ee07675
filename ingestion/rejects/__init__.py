"""Rejected lines and files: finds them, shows them, and exports them to be corrected and delivered again."""
