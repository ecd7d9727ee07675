"""The dashboards for artists and managers. They read only the published serving copy of the warehouse."""
