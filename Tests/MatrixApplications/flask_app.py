import own
from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return "flask"


if __name__ == "__main__":
    own.say()
    app.run(host="0.0.0.0", port=8080)
