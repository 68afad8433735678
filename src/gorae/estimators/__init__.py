"""gorae.estimators."""
