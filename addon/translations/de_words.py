# SPDX-License-Identifier: GPL-3.0-or-later
"""German: references from words."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "Add Reference from Words": "Vorlage aus Worten hinzufügen",
    "Add the picture that was made from words to the references": (
        "Das Bild, das aus Worten gemacht wurde, zu den Vorlagen hinzufügen"
    ),
    "Another seed gives another picture": "Ein anderer Startwert gibt ein anderes Bild",
    "ControlNet": "ControlNet",
    "Depth": "Tiefe",
    "Folder of a text-to-image pipeline in the layout of diffusers": (
        "Ordner einer Text-zu-Bild-Pipeline, wie diffusers ihn anlegt"
    ),
    "Guided by": "Geleitet von",
    "How far the surface is": "Wie weit die Oberfläche entfernt ist",
    "Image Model": "Bildmodell",
    "Its folder, where the image model has none of its own": "Sein Ordner, wo das Bildmodell kein eigenes hat",
    "Let an image model of yours paint the front of the object from words, and look at it before you paint with it": (
        "Ein eigenes Bildmodell die Vorderseite des Objekts aus Worten malen lassen, und sie ansehen, bevor damit "
        "gemalt wird"
    ),
    "Look at the reference; if you like it, start the job, else try other words or another seed.": (
        "Sieh dir die Vorlage an; gefällt sie dir, starte den Auftrag, sonst versuche andere Worte oder einen anderen "
        "Startwert."
    ),
    "Names of the objects it shows, as JSON": "Namen der Objekte, die es zeigt, als JSON",
    "Normals": "Normalen",
    "Reference from Words...": "Vorlage aus Worten...",
    "Reference from words": "Vorlage aus Worten",
    "The picture; its camera is beside it": "Das Bild; seine Kamera liegt daneben",
    "What the image model sees of the object": "Was das Bildmodell vom Objekt sieht",
    "What the object is and looks like": "Was das Objekt ist und wie es aussieht",
    "Where the surface faces": "Wohin die Oberfläche zeigt",
    "Words": "Worte",
}
