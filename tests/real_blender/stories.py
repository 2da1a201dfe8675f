# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real Blender with its interface does during a job. Run by test_jobs.py inside that Blender:

    blender --factory-startup -P tests/real_blender/stories.py -- STORY FOLDER

A story is a generator that yields conditions; it goes on when one is met. It says what it saw as `SAW {...}`.
What must happen during a job is done while its process is held, on a machine of any speed.
"""

import importlib.util
import json
import os
import sys
import time
import traceback
from pathlib import Path

import bpy

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "addon")]
from driver import after, go_on, hold  # noqa: E402
from leftovers import leftovers  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
STORY, FOLDER = sys.argv[sys.argv.index("--") + 1 :]
os.environ["ORBIT_PAINTER_JOBS"] = str(Path(FOLDER) / "jobs")
STEP = 0.01


def import_package():
    spec = importlib.util.spec_from_file_location(
        "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["orbit_painter"] = module
    spec.loader.exec_module(module)
    return module


package = import_package()
from orbit_painter.addon import jobs, launching  # noqa: E402
from orbit_painter.backend.job import Job, ReferenceSpec  # noqa: E402

ENDED = ("done", "failed", "cancelled")


class Beat:
    """The longest time that the main thread did not come back to its timers, seconds."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.last, self.longest = time.perf_counter(), 0.0

    def note(self):
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last - STEP)
        self.last = now


beat = Beat()
ticks = []


def measured(function):
    """Notes the processor time that each call takes of this thread."""

    def call():
        start = time.thread_time()
        result = function()
        ticks.append(time.thread_time() - start)
        return result

    return call


jobs._pump = measured(jobs._pump)


def say(**facts):
    print("SAW " + json.dumps(facts), flush=True)


def owl():
    bpy.ops.import_scene.gltf(filepath=str(ROOT / "examples" / "sample.glb"))
    return bpy.data.objects["Owl"]


def submit(name="job", objects=None, **changes):
    objects = objects or [bpy.data.objects["Owl"]]
    settings = {
        "references": (ReferenceSpec(str(ROOT / "examples" / "reference.png")),),
        "objects": tuple(obj.name for obj in objects),
        "views": (4, 2),
        "size": 96,
        "engine_options": {"grid": 64},
        "texture_size": 128,
        "fuse": {"label_grid": 48, "grid": 64},
    }
    job = Job(out=str(Path(FOLDER) / "jobs" / name), **{**settings, **changes})
    start = time.thread_time()
    job_id = jobs.submit(bpy.context, job, objects, ("passes", "paint", "bake"))
    say(submit=time.thread_time() - start, job=job_id)
    return job_id


def view(job_id):
    return next(found for found in jobs.jobs() if found.id == job_id)


def runs(job_id):
    return lambda: view(job_id).state == "running" or view(job_id).state in ENDED


def paints(job_id):
    return lambda: view(job_id).stage == "paint" or view(job_id).state in ENDED


def ended(job_id):
    return lambda: view(job_id).state in ENDED


def outcome(job_id, **more):
    found = view(job_id)
    say(state=found.state, code=found.code, message=found.message, stage=found.stage, fraction=found.fraction, **more)


def whole():
    """Orbiting objects about while the job runs: the file can be worked on."""
    obj = owl()
    told = []
    jobs.on_done.append(lambda found: told.append(found.state))
    yield after(4)  # the window is drawn, shaders are ready
    beat.reset()
    for _ in range(12):
        obj.location.x += 0.01
        yield after(0.25)
    idle = beat.longest
    job_id = submit(objects=[obj])
    yield after(0)
    beat.reset()
    fractions = []
    while view(job_id).state not in ENDED:
        obj.location.x += 0.01
        fractions.append(view(job_id).fraction)
        yield after(0.25)
    textures = [path.name for path in (view(job_id).out / "textures").glob("*.png")]
    outcome(
        job_id,
        idle=idle,
        stall=beat.longest,
        tick=max(ticks),
        ticks=len(ticks),
        monotonic=fractions == sorted(fractions),
        previews=len(view(job_id).previews),
        textures=textures,
        told=told,
    )


def cancel():
    owl()
    job_id = submit(engine_options={"grid": 192})
    yield paints(job_id)
    start = time.perf_counter()
    jobs.cancel(job_id)
    yield ended(job_id)
    outcome(job_id, seconds=time.perf_counter() - start)
    jobs.retry(job_id)
    yield paints(job_id)
    kept = view(job_id).fraction
    jobs.cancel(job_id)
    yield ended(job_id)
    jobs.dismiss(job_id)
    say(retried=kept, left=len(jobs.jobs()))


def load():
    owl()
    job_id = submit()
    yield runs(job_id)
    hold()
    bpy.ops.wm.read_homefile(use_empty=True)
    yield after(0)
    go_on()
    yield ended(job_id)
    outcome(job_id, resolved=view(job_id).objects[0].resolve() is not None, out=str(view(job_id).out))


def undo():
    obj = owl()
    bpy.ops.ed.undo_push(message="imported")
    bpy.context.view_layer.objects.active = obj
    job_id = submit()
    yield runs(job_id)
    hold()
    for number in range(1, 7):
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            bpy.data.objects["Owl"].location.z = number
            bpy.ops.ed.undo_push(message=f"moved {number}")
            if number % 3 == 0:
                bpy.ops.ed.undo()
                bpy.ops.ed.redo()
        yield after(0)
        if number == 4:
            bpy.ops.wm.save_as_mainfile(filepath=str(Path(FOLDER) / "saved.blend"))
            go_on()
    during = view(job_id).state
    yield ended(job_id)
    found = view(job_id).objects[0].resolve()
    outcome(job_id, during=during, resolved=found is not None and found.name)


def several():
    """Two objects queue up; one of them is removed meanwhile."""
    first = owl()
    bpy.ops.mesh.primitive_monkey_add()
    second = bpy.context.object
    one, two = submit("one", [first]), submit("two", [second])
    yield runs(one)
    hold()
    states = (view(one).state, view(two).state)
    bpy.data.objects.remove(second)
    go_on()
    yield ended(one)
    yield ended(two)
    outcome(one, states=states)
    outcome(two, resolved=view(two).objects[0].resolve() is not None)


def disable():
    """The extension is disabled three times during a job, and enabled again."""
    owl()
    for _ in range(3):
        job_id = submit()
        yield runs(job_id)
        pids = [child.pid for child in launching._children]
        package.unregister()
        say(pids=pids, left=leftovers("orbit_painter"))
        package.register()
        yield after(0.2)
    say(jobs=len(jobs.jobs()), settings=bpy.context.scene.orbit_painter.quality)


def leave():
    """Quit during a job; `pid` of its process."""
    owl()
    job_id = submit(engine_options={"grid": 192})
    yield paints(job_id)
    say(state=view(job_id).state, pid=launching._children[0].pid)


def stay():
    """The same, but the test kills this Blender."""
    yield from leave()
    yield lambda: False


def start(story):
    package.register()
    steps = story()
    condition = [lambda: True]

    def step():
        beat.note()
        try:
            if condition[0]():
                condition[0] = next(steps)
        except StopIteration:
            bpy.ops.wm.quit_blender()
            return None
        except Exception:
            traceback.print_exc()
            os._exit(9)
        return STEP

    bpy.app.timers.register(step, first_interval=0.5, persistent=True)


start(globals()[STORY])
