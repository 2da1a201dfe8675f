# SPDX-License-Identifier: GPL-3.0-or-later
import re

import pytest
from orbit_painter.addon.translations import LANGUAGES, SENTENCES

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


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_no_sentence_of_the_backend_is_missing(language):
    table = {re.sub(r"{\w+}", "{}", text) for text in {**SENTENCES[language], **LANGUAGES[language]}}
    said = load_sibling("shown_texts").sentences()
    assert len(said) > 300
    assert {text: name for text, name in said.items() if text not in table} == {}


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_sentences_keep_what_is_filled_in(language):
    def fields(text):
        return sorted(re.findall(r"{(\w+)}", text))

    assert {text: said for text, said in SENTENCES[language].items() if fields(text) != fields(said)} == {}
    assert not SENTENCES[language].keys() & LANGUAGES[language].keys()


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("The disk is full.", "Der Datenträger ist voll."),
        ("There is no file /a b/c.png.", "Es gibt keine Datei /a b/c.png."),
        ("There is no file a.png. Check the path.", "Es gibt keine Datei a.png. Prüfe den Pfad."),
        (
            "The background Blender stopped with status 9: Killed.",
            "Der Blender im Hintergrund endete mit Status 9: Killed.",
        ),
        (
            "The engine crashed. It was started again. The disk is full.",
            "Die Engine ist abgestürzt. Er wurde noch einmal gestartet. Der Datenträger ist voll.",
        ),
        ("Something nobody has written down.", "Something nobody has written down."),
        ("{odd} braces % {0}", "{odd} braces % {0}"),
        ("painting view 3 of 12", "malt Ansicht 3 von 12"),
    ],
)  # fmt: skip
def test_sentences_are_found_and_filled_in_again(text, german, monkeypatch):
    from orbit_painter.addon import sentences

    table = {**SENTENCES["de"], **LANGUAGES["de"]}
    monkeypatch.setattr(sentences, "tr", lambda text, **values: table.get(text, text).format(**values))
    assert sentences.said(text) == german


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
