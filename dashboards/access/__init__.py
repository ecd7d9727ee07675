"""Who is signed in, and what they may see: the access store, its accounts, grants and sessions, and its audit log.

The gate, the pages and the commands use it. It imports none of them, so it knows no HTTP and no page.
"""

from allive.dashboards.access.principal import (
    FINANCE_ROLES,
    PLATFORM_ROLES,
    AccessDeniedError,
    Principal,
    Role,
    require_artist,
    require_finance,
    require_platform,
)

__all__ = [
    "FINANCE_ROLES",
    "PLATFORM_ROLES",
    "AccessDeniedError",
    "Principal",
    "Role",
    "require_artist",
    "require_finance",
    "require_platform",
]
