"""The code behind each command. A command returns whether nothing was refused."""
