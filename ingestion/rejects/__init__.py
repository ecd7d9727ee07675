"""What was set aside of landed files: finding it, showing it, exporting it to be corrected and delivered again."""
