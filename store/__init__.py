"""Runs, metrics, artifacts and the model registry: SQL, object storage, and MLflow's REST API."""
