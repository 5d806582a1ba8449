# SPDX-License-Identifier: Apache-2.0
"""Prints `passed failed skipped` of a JUnit file, as ctest --output-junit writes it.

A test whose program was not built is "notrun" there like one that skips itself; it counts as failed.
"""

import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    reason = case.find("skipped")
    if case.get("status") == "run" and case.find("failure") is None:
        passed += 1
    elif reason is not None and reason.get("message", "").startswith("SKIP_"):
        skipped += 1
    else:
        failed += 1
print(passed, failed, skipped)
