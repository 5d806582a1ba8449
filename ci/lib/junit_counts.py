# SPDX-License-Identifier: Apache-2.0
"""Prints `passed failed skipped` of a JUnit file, as ctest --output-junit writes it."""

import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    if case.get("status") == "run" and case.find("failure") is None:
        passed += 1
    elif case.find("skipped") is not None and case.get("status") in ("notrun", "disabled"):
        skipped += 1
    else:
        failed += 1
print(passed, failed, skipped)
