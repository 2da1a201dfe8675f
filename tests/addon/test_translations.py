# SPDX-License-Identifier: GPL-3.0-or-later
import re

import pytest
from orbit_painter.addon.translations import LANGUAGES

from .conftest import load_sibling


@pytest.fixture
def texts(extension):
    return load_sibling("shown_texts").shown(extension)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_no_text_is_missing_and_none_is_left_over(texts, language):
    table = LANGUAGES[language]
    assert {text for text in texts if text not in table} == set()
    assert {text for text in table if text not in texts} == set()
    assert [text for text, said in table.items() if not said.strip()] == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_translations_keep_what_is_filled_in(language):
    def fields(text):
        return sorted(re.findall(r"{(\w+)}", text))

    assert {text: said for text, said in LANGUAGES[language].items() if fields(text) != fields(said)} == {}


def test_the_interface_shows_them(extension):
    """Labels by Blender's own look-up, sentences by ours; English again when it is switched back."""
    from orbit_painter.addon.translations import tr

    view = extension.context.preferences.view
    if "de_DE" not in {item.identifier for item in view.bl_rna.properties["language"].enum_items_static} | {
        item.identifier for item in view.bl_rna.properties["language"].enum_items
    }:
        pytest.skip("this Blender has no other languages")
    before = view.language, view.use_translate_interface
    try:
        view.language, view.use_translate_interface = "de_DE", True
        german = tr("{title} is done", title="Owl")
        label = extension.app.translations.pgettext_iface("Generate Texture", "Operator")
    finally:
        view.language, view.use_translate_interface = before
    assert (german, label) == ("Owl ist fertig", "Textur erzeugen")
    assert tr("{title} is done", title="Owl") == "Owl is done"


def test_sentences_end_like_sentences(texts):
    """Tooltips have no full stop, as Blender adds one; labels have none either."""
    longer = [text for text in texts if text.endswith(".") and "{" not in text and text.count(".") == 1]
    assert [text for text in longer if text[0].islower() and text != "checking..."] == []
