"""What comes in: landed files become typed, checked, versioned raw tables. Knows neither Dagster nor Streamlit."""
