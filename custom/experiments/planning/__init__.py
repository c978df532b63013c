"""``arms`` (what is compared) → ``settings`` (of which training) → ``folds`` (on which patients) → ``plan`` (runs)."""
