"""The shop's prices, which a small database has."""
import sqlite3

from flask import Flask, abort, jsonify

database = sqlite3.connect(":memory:", check_same_thread=False)
database.execute("create table prices (item text primary key, price real)")
database.executemany("insert into prices values (?, ?)", [("apple", 0.4), ("bread", 2.9), ("cheese", 7.5)])

app = Flask(__name__)


@app.route("/prices/<item>")
def price(item):
    row = database.cursor().execute("select price from prices where item = ?", (item,)).fetchone()
    if row is None:
        abort(404, f"there is no price of {item}")
    return jsonify(price=row[0])


@app.route("/healthz")
def healthz():
    return "ok"


app.run(host="0.0.0.0", port=8080, threaded=True)
