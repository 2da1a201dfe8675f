# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that come from the backend, often from another process, in the language of Blender's interface.

They arrive in English with their names and numbers filled in. The translation tables hold the sentences with `{name}`
where those were; the one that fits is found, translated, and filled in again. What fits none is shown as it is.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from .translations import LANGUAGES, SENTENCES, tr

_FIELD = re.compile(r"{\w+}")
_ENDS = re.compile(r"(?<=[.?!]) (?=\S)")  # between two sentences


def said(*texts: str) -> str:
    """The texts one after another, in the interface's language; each is a sentence, or several."""
    return " ".join(_one(part) for text in texts if text for part in _entries(text))


@lru_cache(maxsize=512)
def _entries(text: str) -> tuple[str, ...]:
    """The text in parts that one entry of the tables covers each: one sentence or several. Of the entries that fit, the
    one that says most of its part itself is taken."""
    parts, pieces = [], _ENDS.split(text)
    while pieces:
        starts = [" ".join(pieces[: count + 1]) for count in range(len(pieces))]
        best = max(range(len(starts)), key=lambda count: _share(starts[count]))
        parts.append(starts[best])
        del pieces[: best + 1]
    return tuple(parts)


def _one(text: str) -> str:
    """The text that one entry covers. What was filled in may be a sentence of ours too; a single word is a name."""
    template, values = _taken_apart(text)
    if not template:
        return text
    return tr(template, **{name: _one(value) if " " in value else value for name, value in values})


def _share(text: str) -> float:
    """How much of the text the entry that covers it says itself, 0 to 1; 0 if there is none."""
    return len(_FIELD.sub("", _taken_apart(text)[0])) / max(len(text), 1)


@lru_cache(maxsize=512)
def _taken_apart(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The entry of the tables that the text was made from, and what was filled in; an empty entry if there is none."""
    known = _templates()
    if text in known:
        return text, ()
    for template, (start, end) in known.items():
        if start is not None and text.startswith(start) and text.endswith(end):
            match = _pattern(template).fullmatch(text)
            if match is not None:
                return template, tuple(match.groupdict().items())
    return "", ()


@cache
def _templates() -> dict[str, tuple[str | None, str]]:
    """Every entry, the most particular first -> what it begins and ends with; (None, "") where nothing is filled in."""
    texts = {text for tables in (LANGUAGES, SENTENCES) for table in tables.values() for text in table}
    found: dict[str, tuple[str | None, str]] = {}
    for text in sorted(texts, key=lambda text: (-len(_FIELD.sub("", text)), text)):
        parts = _FIELD.split(text)
        found[text] = (parts[0], parts[-1]) if len(parts) > 1 else (None, "")
    return found


@cache
def _pattern(template: str) -> re.Pattern[str]:
    names = [field[1:-1] for field in _FIELD.findall(template)]
    parts = [re.escape(part) for part in _FIELD.split(template)]
    groups = [f"(?P<{name}>.*?)" for name in names]
    return re.compile("".join(part + group for part, group in zip(parts, [*groups, ""], strict=True)), re.DOTALL)
