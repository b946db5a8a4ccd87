"""The schema's history: one module a change in ``versions``, run in order at the start."""
