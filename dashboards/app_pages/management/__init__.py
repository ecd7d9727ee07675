"""The platform pages, for management, finance and operators."""
