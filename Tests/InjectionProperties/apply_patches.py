"""Applies patches by an implementation of RFC 6902 that is not ours, and compares what comes out with what was planned.

Reads a JSON object a line, {"pod", "patch", "planned"}, and answers each with "ok" or with what differs.
"""
import json
import sys

import jsonpatch


def answer(line):
    case = json.loads(line)
    try:
        result = jsonpatch.apply_patch(case["pod"], case["patch"])
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        return f"{type(error).__name__}: {error}"
    return "ok" if result == case["planned"] else "differs: " + json.dumps(jsonpatch.make_patch(result, case["planned"]).patch)


for text in sys.stdin:
    print(answer(text).replace("\n", " "), flush=True)
