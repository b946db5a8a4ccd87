PYTHON ?= python3
export PYTHON
export MLFLOW_PYTHON ?= $(CURDIR)/.venv-mlflow/bin/python
BIN := .venv/bin

.PHONY: demo test check format lint types bench lock clean

demo: export MLSERVE_TRACKING_URI = sqlite:///build/demo/mlserve.db
demo: .venv/demo.done
	$(BIN)/python examples/churn.py
	$(BIN)/mlserve models serve -m models:/churn/Production -h 127.0.0.1 -p 5000

test: .venv/dev.done .venv-mlflow/peer.done
	$(BIN)/python -m pytest

check: format lint types test

format: .venv/dev.done
	$(BIN)/ruff format --check .

lint: .venv/dev.done
	$(BIN)/ruff check .

types: .venv/dev.done  # of the installed package: a clone folder's name may be no identifier
	rm -rf build/lib build/types && $(BIN)/python -m pip install -qq --no-deps --no-build-isolation --target build/types .
	MYPYPATH=build/types $(BIN)/mypy -p mlserve

bench: .venv/dev.done
	$(BIN)/python benchmarks/serve.py

lock: .venv/dev.done
	requirements/lock $(BIN)/uv

clean:
	rm -rf .venv .venv-mlflow build dist *.egg-info .*_cache .hypothesis

.venv/%.done: requirements/%.txt pyproject.toml
	requirements/environment .venv $<
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	touch $@

.venv-mlflow/peer.done: requirements/peer.txt
	requirements/environment .venv-mlflow $<
	touch $@
