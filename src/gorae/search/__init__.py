"""gorae.search."""
