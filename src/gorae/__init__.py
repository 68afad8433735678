"""gorae: populations of models, and the evidence that falls out."""
