"""Random damage to good studies: every one must end in a valid study, or in the project's own error."""
