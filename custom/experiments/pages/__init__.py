"""``archive`` (manifests, made small) → ``report`` (a page by rule) → ``publish``; ``panels`` show what arms see."""
