"""The paper's tables on any data set: arms × folds × seeds, one manifest a run, tables from the manifests alone.

``planning`` (what is compared, on which patients: which runs) → ``running`` (when and where; train, evaluate, and last
of all the ``manifest``) → ``tables`` (figures of every arm, with intervals and paired tests) → ``pages`` (a page of
several tables, with pictures). ``nnunet`` is the way out to a peer and back into the tables.
"""
