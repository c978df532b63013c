"""The paper's tables on any data set: arms × folds × seeds, one manifest a run, tables from the manifests alone.

``arms`` (what is compared) → ``folds`` (on which patients) → ``plan`` (which runs) → ``schedule`` (when, and where) →
``execute`` (one run: train, or take a ``shared`` training over; evaluate; ``manifest``) → ``lines`` → ``table``
(``figures``, by ``means`` or ``pooled``) → ``markdown``, ``pictures``; and ``report``, a page of several tables.
"""
