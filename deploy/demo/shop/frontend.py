"""The shop's front: a page for each item, with the price that the pricing service tells."""
import os

import requests
from flask import Flask, abort, jsonify

ITEMS = {"apple": "An apple", "bread": "A loaf of bread", "cheese": "A piece of cheese"}
PRICING = os.environ.get("PRICING_URL", "http://pricing:8080")

app = Flask(__name__)


@app.route("/items/<item>")
def show(item):
    if item not in ITEMS:
        abort(404, f"the shop has no {item}")
    answer = requests.get(f"{PRICING}/prices/{item}", timeout=5)
    answer.raise_for_status()
    return jsonify(item=ITEMS[item], price=answer.json()["price"])


@app.route("/healthz")
def healthz():
    return "ok"


app.run(host="0.0.0.0", port=8080, threaded=True)
