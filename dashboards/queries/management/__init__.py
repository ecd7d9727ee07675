"""What the management pages read, a module for each page. Each function asks `access.require_platform` first."""
