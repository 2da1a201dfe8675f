# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that has nothing to do with Blender: what holds it up is the machine. Runs until its input closes.

    python bystander.py < PIPE > FILE        lines of: when a read began and ended (monotonic), and its processor time

It reads memory of its own that nobody else uses, a byte of each page. A virtual machine that gives memory back to its
host may lose the page tables of all its processes: for a moment each of them pays for every page it touches, with
processor time of its own.
"""

import select
import sys
import time
from itertools import pairwise

MEMORY, PAGE = 16 * 2**20, 4096  # bytes that are read at a time, one a page
PERIOD = 0.005
SLOW = 10.0  # times the median processor time of a read: it was held up; copying gigabytes beside it makes 3 of it


def held_up(path):
    """When it was held up: (begin, end) of each slow read, from the end of the read before it, in monotonic seconds."""
    with open(path) as file:
        reads = [tuple(map(float, line.split())) for line in file if line.endswith("\n")]
    usual = sorted(spent for _, _, spent in reads)[len(reads) // 2]
    return [(before[1], now[1]) for before, now in pairwise(reads) if now[2] > SLOW * usual]


def main():
    memory = bytearray(b"\1") * MEMORY
    while not select.select([sys.stdin], [], [], PERIOD)[0]:
        begun, spent = time.monotonic(), time.thread_time()
        memory[::PAGE]
        print(begun, time.monotonic(), time.thread_time() - spent, flush=True)


if __name__ == "__main__":
    main()
