# SPDX-License-Identifier: Apache-2.0
"""Runs Python scripts one after the other in one process, since each start of Python takes a second in the lab:
kept_python.py ASKS ANSWERS, two FIFOs. Each opening of ASKS brings one script's words, each ended by a NUL; ANSWERS then
gives its exit status, a line feed, and what it printed, or what it died of.
"""
import contextlib
import io
import runpy
import sys
import traceback

asks, answers = sys.argv[1:]
while True:
    with open(asks, encoding="utf-8", errors="surrogateescape", newline="") as ask:
        sys.argv = ask.read().split("\0")[:-1]
    status, printed = 0, io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except BaseException:  # its exit too
            status = 1
            printed.write(traceback.format_exc())
    with open(answers, "w", encoding="utf-8", errors="surrogateescape", newline="") as answer:
        answer.write(f"{status}\n{printed.getvalue()}")
