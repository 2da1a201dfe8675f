# SPDX-License-Identifier: GPL-3.0-or-later
"""A background Blender or worker as it should not be: a program that does what its first word says.

python fake_child.py BEHAVIOUR [ARGUMENT]        behaviours below; commands come on stdin, events go to stdout
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

CANCEL = threading.Event()
JOB = [""]


def send(kind, **fields):
    sys.stdout.write(json.dumps({"type": kind, "job_id": JOB[0], **fields}) + "\n")
    sys.stdout.flush()


def listen(ignore_end=False):
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "cancel":
            CANCEL.set()
        elif message["type"] == "run":
            JOB[0] = message["job_id"]
    if not ignore_end:
        os._exit(6)


def work(stages=("passes", "paint", "bake"), stop_at=None, do=lambda: None, pause=0.01):
    send("accepted", plan=list(stages))
    for stage in stages:
        for step in range(4):
            if CANCEL.is_set():
                send("cancelled")
                sys.exit(6)
            send("progress", stage=stage, done=step / 4, total=1.0, detail=f"step {step}")
            time.sleep(pause)
            if (stage, step) == (stop_at, 2):
                do()
        send("progress", stage=stage, done=1.0, total=1.0, seconds=0.04, kept=False)
    send("result", manifest="report.json", metrics={})


def crash(how):
    def now():
        if how == "signal":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "memory":
            print("terminate called after throwing std::bad_alloc", file=sys.stderr, flush=True)
            os.abort()
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(int(how))

    return now


def once(marker, do):
    """Do it the first time only."""

    def now():
        if not os.path.exists(marker):
            open(marker, "w").close()
            do()

    return now


def main():
    behaviour, *arguments = sys.argv[1:]
    threading.Thread(target=listen, args=(behaviour in ("deaf", "deaf-with-child"),), daemon=True).start()
    if behaviour == "good":
        work()
    elif behaviour == "patient":  # can be stopped long before it ends
        work(pause=2.0)
    elif behaviour == "noise":
        print("Read prefs: userpref.blend\nFra:1 Mem:12M")
        sys.stdout.buffer.write(b"\xff\xfe\x00\n{broken\n" + b"x" * 300_000 + b"\n")
        sys.stderr.write("warning: " + "y" * 300_000 + "\n")
        work()
        print("Blender quit")
    elif behaviour == "crash":
        stage, how = arguments
        work(stop_at=stage, do=crash(how))
    elif behaviour == "crash-once":
        stage, how, marker = arguments
        work(stop_at=stage, do=once(marker, crash(how)))
    elif behaviour == "error":
        send("accepted", plan=["passes"])
        send("error", code="mesh-empty", message="No mesh.", advice="Give one.", retryable=False, trace_path=None)
        sys.exit(3)
    elif behaviour == "silent":
        send("accepted", plan=["passes"])
        time.sleep(60)
    elif behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        send("accepted", plan=["passes"])
        time.sleep(60)
    elif behaviour == "deaf-with-child":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        send("accepted", plan=["passes"])
        send("log", level="warning", message=str(child.pid))
        time.sleep(60)
    elif behaviour == "stays":
        work()
        time.sleep(60)
    elif behaviour == "mute":
        time.sleep(60)
    elif behaviour == "worker":
        protocol = int(arguments[0]) if arguments else 1
        send("ready", protocol=protocol, engine_version="0", pid=os.getpid(), device={}, features=[])
        while True:
            while not JOB[0]:
                time.sleep(0.01)
            work(("paint",))
            JOB[0] = ""


main()
