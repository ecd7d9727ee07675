"""What management and finance see of the platform."""
