"""A customer who never stops: looks at one item after the other, so that the shop has traffic."""
import itertools
import os
import time
import urllib.error
import urllib.request

FRONTEND = os.environ.get("FRONTEND_URL", "http://frontend:8080")

for item in itertools.cycle(["apple", "bread", "cheese"]):
    try:
        with urllib.request.urlopen(f"{FRONTEND}/items/{item}", timeout=5) as answer:
            print(answer.status, answer.read().decode().strip(), flush=True)
    except (OSError, urllib.error.HTTPError) as error:
        print(error, flush=True)
    time.sleep(1)
