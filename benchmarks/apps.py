"""What mlserve is compared with: an ASGI echo, and the least handler around the same model.

Started as ``python -m uvicorn --factory apps:echo``, or ``apps:handwritten``.
"""

import os
from pathlib import Path

import numpy as np
import onnxruntime
import orjson

HEADERS = [(b"content-type", b"application/json")]


async def read_body(receive):
    """Return the whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def send_json(send, body):
    """Answer 200 with a JSON body."""
    headers = [*HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def echo():
    """Return an application that reads the body and answers a constant."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await read_body(receive)
            await send_json(send, b'{"predictions":[{"label":"No"}]}')

    return app


def handwritten():
    """Return the least application that predicts: orjson, the session, no checks at all."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = Path(os.environ["BENCHMARK_MODEL"]) / "model.onnx"
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    types = {
        i.name: object if i.type == "tensor(string)" else np.float32 for i in session.get_inputs()
    }
    outputs = [o.name for o in session.get_outputs()]

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        split = orjson.loads(await read_body(receive))["dataframe_split"]
        columns = zip(split["columns"], zip(*split["data"], strict=True), strict=True)
        feeds = {
            name: np.array(values, dtype=types[name]).reshape(-1, 1) for name, values in columns
        }
        results = [result.tolist() for result in session.run(None, feeds)]
        records = [dict(zip(outputs, row, strict=True)) for row in zip(*results, strict=True)]
        await send_json(send, orjson.dumps({"predictions": records}))

    return app
