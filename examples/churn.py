"""Trains a churn classifier on IBM's public Telco customer sample, logs it and promotes it.

    MLSERVE_TRACKING_URI=sqlite:///mlserve.db python examples/churn.py

The data (``data/telco-churn.csv.gz``, 7,043 customers) is the sample that IBM published to show its
analytics products; it is stored as published. Eleven blanks in TotalCharges are missing values.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import mlserve
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

DATA = Path(__file__).parent / "data" / "telco-churn.csv.gz"


def load_customers() -> tuple[pd.DataFrame, pd.Series[str]]:
    """Return the 19 features of each customer, and whether the customer left ("Yes" or "No")."""
    table = pd.read_csv(DATA, na_values=[" "]).drop(columns="customerID")
    return table.drop(columns="Churn"), table["Churn"]


def build_pipeline(features: pd.DataFrame) -> Pipeline:
    """Return an untrained classifier of tables like ``features``."""
    numeric = list(features.select_dtypes("number"))
    text = list(features.columns.difference(numeric))
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoded = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("numeric", scaled, numeric), ("text", encoded, text)])
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def curl_line(customer: pd.DataFrame, url: str) -> str:
    """Return the shell command that asks the service at ``url`` about one customer."""
    body = json.dumps({"dataframe_records": json.loads(customer.to_json(orient="records"))})
    return f"curl {url}/invocations -H 'Content-Type: application/json' -d {shlex.quote(body)}"


def train() -> mlserve.ModelInfo:
    """Train and evaluate in a run, log the model, and register it as a version of churn."""
    features, churn = load_customers()
    seen, unseen, seen_churn, unseen_churn = train_test_split(features, churn, random_state=0)
    mlserve.set_experiment("churn")
    with mlserve.start_run(run_name="logistic regression"):
        model = build_pipeline(features).fit(seen, seen_churn)
        likely = model.predict_proba(unseen)[:, 1]
        mlserve.log_params({"customers": len(seen), "features": features.shape[1]})
        mlserve.log_metric("auc", roc_auc_score(unseen_churn == "Yes", likely))
        return mlserve.log_model(model, "model", example=seen, registered_model_name="churn")


def main() -> None:
    """Train, promote, and print a request for the service of what is in production."""
    version = train().registered_model_version
    mlserve.MlserveClient().transition_model_version_stage(
        "churn", version, "Production", archive_existing_versions=True
    )
    print(f"models:/churn/Production is version {version}. Once it is served, ask it:\n")
    features, _ = load_customers()
    print(curl_line(features.head(1), "http://127.0.0.1:5000"), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
