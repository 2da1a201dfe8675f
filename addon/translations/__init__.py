# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in the language of Blender's interface; one file per language.

Labels, tooltips and buttons are looked up by Blender itself. Sentences that are put together here go through `tr`.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import de, de_coverage, de_engine, de_jobs, de_preferences, de_target, de_words

CONTEXTS = ("*", "Operator")  # of labels, tooltips and sentences; of buttons that are operators
GERMAN = {
    **de.MESSAGES,
    **de_coverage.MESSAGES,
    **de_preferences.MESSAGES,
    **de_target.MESSAGES,
    **de_words.MESSAGES,
}
LANGUAGES = {"de_DE": GERMAN, "de": GERMAN}
GERMAN_SENTENCES = {**de_jobs.MESSAGES, **de_engine.MESSAGES, **de_target.SENTENCES}
SENTENCES = {"de_DE": GERMAN_SENTENCES, "de": GERMAN_SENTENCES}  # of the backend and of other processes: sentences.py


def tr(text: str, /, **values: Any) -> str:
    """The sentence in the interface's language, with `{name}` replaced by `values`."""
    translations: Any = bpy.app.translations
    lookup = getattr(translations, "pgettext_rpt", translations.pgettext_iface)  # the first is absent from 4.2
    return lookup(text).format(**values)


def marked(text: str) -> str:
    """The text itself. Marks what is looked up elsewhere, so that the test of the tables finds it."""
    return text


def register() -> None:
    table: Any = {
        language: {(context, text): translated for text, translated in messages.items() for context in CONTEXTS}
        | {(CONTEXTS[0], text): translated for text, translated in SENTENCES[language].items()}
        for language, messages in LANGUAGES.items()
    }
    bpy.app.translations.register(__package__, table)


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
