# SPDX-License-Identifier: GPL-3.0-or-later
"""German: what a job is for, and what it takes of it."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "Collection": "Sammlung",
    "Texture the meshes of this collection and of those nested in it, instead of the selected ones": (
        "Die Netze dieser Sammlung und der in ihr enthaltenen bemalen, statt der ausgewählten"
    ),
    "The collection '{name}' is not in this scene. Link it, or choose another one.": (
        "Die Sammlung „{name}“ ist nicht in dieser Szene. Verknüpfe sie, oder wähle eine andere."
    ),
    "The collection '{name}' has no mesh. Choose another one.": (
        "Die Sammlung „{name}“ enthält kein Netz. Wähle eine andere."
    ),
    "It is disabled in renders. Enable it there, or select it instead of choosing its collection.": (
        "Es ist im Rendern abgeschaltet. Schalte es dort ein, oder wähle es selbst aus statt seiner Sammlung."
    ),
    "Transparency": "Transparenz",
    "Whether views see through what materials cut out, such as the cards of foliage": (
        "Ob Ansichten durch das hindurchsehen, was Materialien ausschneiden, etwa bei Blattwerk auf Flächen"
    ),
    "Taken as Solid": "Gilt als fest",
    "Faces are seen as a whole, whatever their materials make of them": (
        "Flächen werden als Ganzes gesehen, was auch immer ihre Materialien daraus machen"
    ),
    "Seen Through": "Durchsichtig",
    "What a picture in the alpha of a material cuts out is not there for the views": (
        "Was ein Bild im Alpha eines Materials ausschneidet, ist für die Ansichten nicht da"
    ),
    "The picture '{name}' of '{material}' has unsaved changes, which a job in the background would not see.": (
        "Das Bild „{name}“ von „{material}“ hat ungespeicherte Änderungen, die ein Auftrag im Hintergrund nicht sähe."
    ),
    "Save it in the Image Editor (Image > Save), or choose Run: In This Blender under Advanced.": (
        "Speichere es im Bildeditor (Bild > Speichern), oder wähle unter Erweitert Ausführen: In diesem Blender."
    ),
    "Start From": "Ausgehen von",
    "Existing Texture": "Vorhandener Textur",
    "Start from Existing Texture": "Von vorhandener Textur ausgehen",
    "Where no reference shows the surface, keep of the texture it has as much as Strength leaves": (
        "Wo keine Vorlage die Oberfläche zeigt, von ihrer Textur so viel behalten, wie die Stärke übrig lässt"
    ),
    "Strength": "Stärke",
    "How much of the existing texture is painted anew: 0 keeps it, 1 does not look at it": (
        "Wie viel der vorhandenen Textur neu gemalt wird: 0 behält sie, 1 sieht sie nicht an"
    ),
    "None of the objects has a material, so there is no texture to start from.": (
        "Keines der Objekte hat ein Material, also gibt es keine Textur, von der auszugehen wäre."
    ),
    "It is the custom shape of a bone. Select it instead of choosing its collection.": (
        "Es ist die Form eines Knochens. Wähle es selbst aus statt seiner Sammlung."
    ),
}

# Of other processes
SENTENCES: dict[str, str] = {
    "'{name}' is hidden. It is left out.": "„{name}“ ist versteckt. Es wird ausgelassen.",
    "'{name}' is disabled in renders. It is left out.": "„{name}“ ist im Rendern abgeschaltet. Es wird ausgelassen.",
    "The collection '{name}' shows no mesh.": "Die Sammlung „{name}“ zeigt kein Netz.",
    "Show its meshes in viewport and renders, or choose another one.": (
        "Zeige ihre Netze in Ansichtsfenster und Rendern, oder wähle eine andere."
    ),
    "Left out of the collection '{name}', because they are not meshes: {count} objects.": (
        "Aus der Sammlung „{name}“ ausgelassen, weil sie keine Netze sind: {count} Objekte."
    ),
    "The collection '{name}' is not in the scene '{scene}'.": (
        "Die Sammlung „{name}“ ist nicht in der Szene „{scene}“."
    ),
    "The scene has no collection named '{name}'.": "Die Szene hat keine Sammlung namens „{name}“.",
    "It has no collections; leave it away.": "Sie hat keine Sammlungen; lass die Angabe weg.",
    "The transparency of the material '{name}' {problem}. It is taken as solid.": (
        "Die Transparenz des Materials „{name}“ {problem}. Es gilt als fest."
    ),
    "does not come from one picture alone": "kommt nicht allein von einem Bild",
    "is computed in a way that is not understood": "wird auf eine Weise berechnet, die nicht verstanden wird",
    "comes from a picture that cannot be read": "kommt von einem Bild, das nicht gelesen werden kann",
    "comes from a picture that is not simply repeated over the UV map": (
        "kommt von einem Bild, das nicht einfach über die UV-Karte wiederholt wird"
    ),
    "is moved or placed by more than a UV map": "wird durch mehr als eine UV-Karte verschoben oder gelegt",
    "None of the materials is cut out by a picture, so nothing is seen through.": (
        "Keines der Materialien wird von einem Bild ausgeschnitten, also wird durch nichts hindurchgesehen."
    ),
    "The object has no material, so there is no texture to start from.": (
        "Das Objekt hat kein Material, also gibt es keine Textur, von der auszugehen wäre."
    ),
    "Generate one from the references alone.": "Erzeuge eine aus den Vorlagen allein.",
    "The objects' present texture was not rendered with the passes.": (
        "Die jetzige Textur der Objekte wurde nicht mit den Pässen gerendert."
    ),
    "Render the passes again with --existing.": "Rendere die Pässe noch einmal mit --existing.",
    "A run that starts from the present texture cannot take Blender's AgX off afterwards.": (
        "Ein Lauf, der von der jetzigen Textur ausgeht, kann Blenders AgX danach nicht abziehen."
    ),
    "Set output_transform to none, or do not start from the present texture.": (
        "Setze output_transform auf none, oder gehe nicht von der jetzigen Textur aus."
    ),
    "MagCache was left out, because it counts the steps of a run from noise.": (
        "MagCache blieb weg, weil er die Schritte eines Laufs aus Rauschen zählt."
    ),
    "Objects and a collection were chosen.": "Es wurden Objekte und eine Sammlung gewählt.",
    "Choose objects by name, or one collection.": "Wähle Objekte mit Namen, oder eine Sammlung.",
}
