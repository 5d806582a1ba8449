# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a pseudo-terminal of 33 rows and 101 columns, types a line, prints what came out."""

import fcntl
import os
import pty
import struct
import sys
import termios

pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
output = b""
typed = False
while True:
    try:
        piece = os.read(master, 4096)
    except OSError:  # EIO: the last holder of the other side is gone
        break
    if not piece:
        break
    output += piece
    if not typed and b"33 101" in output:
        os.write(master, b"typed\r")
        typed = True
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(output.decode(errors="replace"))
sys.exit(status)
