"""The gate in front of the dashboards: authentication, access rights and sessions. Independent of pages and figures."""
