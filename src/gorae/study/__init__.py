"""gorae.study."""
