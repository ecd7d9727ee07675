"""The gate in front of the dashboards: who may come in, as whom, and for how long. Knows no page and no figure."""
