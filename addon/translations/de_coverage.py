# SPDX-License-Identifier: GPL-3.0-or-later
"""German: coverage, before a bake and after it."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "Preview Coverage": "Abdeckung vorab zeigen",
    "Show which part of the surface the planned views and the references will see, before anything is painted": (
        "Zeigt, welchen Teil der Oberfläche die geplanten Ansichten und die Vorlagen sehen werden, bevor etwas "
        "gemalt wird"
    ),
    "Coverage": "Abdeckung",
    "Coverage of {title}": "Abdeckung von {title}",
    "Coverage as Planned": "Geplante Abdeckung",
    "The picture is in {folder}.": "Das Bild liegt in {folder}.",
    "The planned views will show {painted} % of the surface, and {unseen} % is seen by none.": (
        "Die geplanten Ansichten werden {painted} % der Oberfläche zeigen; {unseen} % sieht keine."
    ),
    "References will show {reference} % of the surface, other views {painted} %, and {unseen} % is seen by none.": (
        "Vorlagen werden {reference} % der Oberfläche zeigen, andere Ansichten {painted} %; {unseen} % sieht keine."
    ),
    "{reference} % of the texture is from references, {painted} % was continued, and {unseen} % no view sees.": (
        "{reference} % der Textur stammen aus Vorlagen, {painted} % wurden fortgesetzt, {unseen} % sieht keine Ansicht."
    ),
    "Bright: from a reference. Striped: continued by the engine. Magenta and black: seen by no view.": (
        "Hell: aus einer Vorlage. Gestreift: von der Engine fortgesetzt. Magenta und Schwarz: von keiner Ansicht "
        "gesehen."
    ),
    "Each colour is a view. Magenta and black: seen by no view.": (
        "Jede Farbe ist eine Ansicht. Magenta und Schwarz: von keiner gesehen."
    ),
}
