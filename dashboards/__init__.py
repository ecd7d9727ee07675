"""What artists and managers see. Reads the published serving copy and nothing else of the warehouse."""
