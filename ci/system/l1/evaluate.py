# SPDX-License-Identifier: Apache-2.0
"""Prints a Python expression over `t`, the JSON object in a file: evaluate.py FILE EXPRESSION."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    t = json.load(file)
print(eval(sys.argv[2]))
