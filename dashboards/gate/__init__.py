"""The gate in front of the dashboards: sign-in, sessions and rights over HTTP. Independent of pages and figures."""
