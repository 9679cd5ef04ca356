"""Changes of foci lists: snapshots, their differences, confirmation. Pure."""
