"""What each command does and shows. A command returns whether nothing refused."""
