# SPDX-License-Identifier: GPL-3.0-or-later
"""`models ...` on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..actions import add_actions, add_root
from ..console import Console, stage_progress
from ..environment.layout import default_root
from ..errors import CancelledError, InputError, UsageError
from .catalogue import Model, model_named, size_text
from .convert import add_conversion, convert_models
from .fetch import check_online, fetch_model
from .hub import Listing, hub_address, hub_token, listing
from .store import ModelStatus, ModelStore

_HELP = {
    "list": "which models engines need, how large they are, under which licence, and whether they are here",
    "download": "fetch models from the hub; a stopped download is continued",
    "add": "use a folder of models that you have",
    "verify": "compare the files of models with their hashes",
    "remove": "delete models, or forget a folder that was added",
    "convert": "write all parts of OrbitPainter into one folder in diffusers' layout, and use it",
}


def add_arguments(commands: Any, parser_class: type[argparse.ArgumentParser]) -> None:
    """Add the command `models` and its own commands."""
    about = "download and keep the models of the neural painters"
    for name, action in add_actions(commands, parser_class, "models", about, _HELP).items():
        add_root(action)
        if name in ("download", "remove"):
            more = "; or an engine, for all that it lacks" if name == "download" else ""
            action.add_argument("names", nargs="+", metavar="MODEL", help=f"see 'models list'{more}")
            action.add_argument("--yes", action="store_true", help="do not ask")
        if name == "verify":
            action.add_argument("names", nargs="*", metavar="MODEL", help="default: all that are here")
        if name == "add":
            action.add_argument("folder", type=Path, help="a copy of a repository, or a converted folder")
        if name == "convert":
            add_conversion(action)


def run_command(options: argparse.Namespace, online: bool, console: Console, check: Callable[[], None]) -> None:
    """Run one action. Raises OrbitPainterErrors."""
    store = ModelStore((options.root or default_root()).absolute())
    names = getattr(options, "names", ())
    if options.action == "download":
        _download(store, _lacking(store, names), options.yes, online, console, check)
        return
    models = [model_named(name, store.catalogue) for name in names]
    if options.action == "list":
        console.result(str(store.folder), {status.model.name: described(status) for status in store.statuses()})
    elif options.action == "add":
        found = store.add(options.folder)
        console.result(str(options.folder), {model.name: model.title for model in found})
    elif options.action == "verify":
        _verify(store, models, console, check)
    elif options.action == "remove":
        _agreed("Delete " + ", ".join(model.name for model in models), options.yes)
        console.result(str(store.folder), {m.name: f"{size_text(store.remove(m))} freed" for m in models})
    else:
        console.result(str(convert_models(store, options, console, check)), {})


def described(status: ModelStatus) -> str:
    """One line on a model."""
    model = status.model
    size = size_text(status.bytes if status.state == "ready" else model.bytes)
    state = "added" if status.external and status.state == "ready" else status.state
    words = [f"{state:<8} {size:>8}  {model.licence}", model.title, "" if model.required else "(optional)", model.note]
    return "  ".join(word for word in words if word)


def _lacking(store: ModelStore, names: Sequence[str]) -> list[Model]:
    """The models of these names, and of those that name an engine all that it lacks. Raises UsageError."""
    engines = {model.engine for model in store.catalogue if model.required}
    models: list[Model] = []
    for name in names:
        models += store.missing(name) if name in engines else [model_named(name, store.catalogue)]
    return models


def _download(
    store: ModelStore,
    models: list[Model],
    agreed: bool,
    online: bool,
    console: Console,
    check: Callable[[], None],
) -> None:
    if not models:
        console.result(str(store.folder), {"models": "all are here"})
        return
    check_online(online)
    without = [model.name for model in models if not model.repository]
    if without:
        raise UsageError("model-not-fetched", f"{without[0]} is not downloaded but made.", "See 'models convert'.")
    token = hub_token()
    plans: list[tuple[Model, Listing]] = []
    for model in models:
        check()
        plans.append((model, listing(model, token=token)))
    for model, files in plans:
        console.note(planned(store, model, files))
    if len(plans) > 1:
        console.note(f"Together {size_text(sum(files.bytes for _, files in plans))}.")
    _agreed("Download", agreed)
    for model, files in plans:
        fetch_model(store, model, files, token, console, check)
    console.result(str(store.folder), {model.name: described(store.status(model)) for model in models})


def planned(store: ModelStore, model: Model, files: Listing) -> str:
    """What is about to be downloaded: size, source, destination, licence, and how it will be checked."""
    stated = sum(bool(remote.sha256) for remote in files.files.values())
    source = f"{hub_address()}/{model.repository}"
    return (
        f"{model.title}: {size_text(files.bytes)} in {len(files.files)} files from {source} "
        f"to {store.home(model)}. Licence: {model.licence}. {model.note} "
        f"SHA-256 known beforehand for {stated} of {len(files.files)} files."
    )


def _agreed(what: str, yes: bool) -> None:
    """Go on if the user agrees. Raises CancelledError if not, UsageError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("agreement-missing", f"{what}? Nobody can be asked here.", "Read the above and add --yes.")
    sys.stderr.write(f"{what}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CancelledError("Nothing was done.")


def _verify(store: ModelStore, models: list[Model], console: Console, check: Callable[[], None]) -> None:
    bad: dict[str, list[str]] = {}
    models = models or [status.model for status in store.statuses() if status.state in ("ready", "lost")]
    for model in models:
        with stage_progress(console, f"verifying {model.name}", check) as report:
            if found := store.verify(model, report):
                bad[model.name] = found
    if bad:
        raise InputError(
            "model-damaged",
            "Missing or damaged: " + "; ".join(f"{name}: {', '.join(files)}" for name, files in bad.items()) + ".",
            f"Run 'models download {' '.join(bad)}': sound files are kept.",
        )
    console.result(str(store.folder), {model.name: "sound" for model in models})
