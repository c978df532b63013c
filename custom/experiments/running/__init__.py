"""``schedule`` (when, and where) → ``execute`` (one run: train, or take a ``shared`` training over; evaluate)."""
