"""``lines`` (an arm's records) → ``table`` (``figures``, by ``means`` or ``pooled``) → ``markdown``, ``pictures``."""
