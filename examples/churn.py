"""Trains a churn classifier on IBM's public Telco customer sample and packages it.

    python examples/churn.py FOLDER

The data (``data/telco-churn.csv.gz``, 7,043 customers) is the sample that IBM published to show its
analytics products; it is stored as published. Eleven blanks in TotalCharges are missing values.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pandas as pd
from mlserve import save_model
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
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


def main(folder: str) -> None:
    """Train, package into ``folder``, and print a request for the service."""
    features, churn = load_customers()
    model = build_pipeline(features).fit(features, churn)
    save_model(model, folder, example=features)
    print(f"{folder} holds the model. Once it is served, ask it from another terminal:\n")
    print(curl_line(features.head(1), "http://127.0.0.1:5000"), end="\n\n", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
