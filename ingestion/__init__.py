"""Ingestion: turns landed files into typed, checked, versioned raw tables. Imports neither Dagster nor Streamlit."""
