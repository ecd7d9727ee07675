"""Every SQL of the dashboards. Each function takes who asks first, and asks `access` before it reads."""
