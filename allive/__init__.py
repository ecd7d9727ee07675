"""The namespace of everything that Allive's payout warehouse installs. Its packages are links to the folders beside it."""
