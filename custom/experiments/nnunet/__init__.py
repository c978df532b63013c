"""nnU-Net v2 as the peer to beat: a datalist's studies in its raw layout, and its predictions in our tables.

``layout`` (what both ways share) → ``export`` (``prepare --export nnunet``, ``cli``) → nnU-Net, in an environment of
its own → ``predictions`` (which mask belongs to which study) → ``judge`` (by the evaluation of every other arm) →
``import_arm`` (a manifest a fold).
"""
