"""The store over HTTP, as MLflow's clients speak to it: routes, access, the artifact proxy."""
