"""gorae.cli."""
