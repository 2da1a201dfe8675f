# SPDX-License-Identifier: GPL-3.0-or-later
"""German."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "'{name}' is linked, so its images are in this file without a variant.": (
        "„{name}“ ist verknüpft, darum sind seine Bilder ohne Variante in dieser Datei."
    ),
    "'{name}' is not a single picture.": "„{name}“ ist kein einzelnes Bild.",
    "'{name}' is not in the file any more.": "„{name}“ ist nicht mehr in der Datei.",
    "A colour for each vertex, for sculpts": "Eine Farbe für jeden Vertex, für Skulpturen",
    "A job failed: {reason}": "Ein Auftrag ist fehlgeschlagen: {reason}",
    "A new map named OrbitPainter": "Eine neue Karte namens OrbitPainter",
    "A render is running. Wait until it has ended.": "Es wird gerade gerendert. Warte, bis das beendet ist.",
    "A render is running.": "Es wird gerade gerendert.",
    "A job runs in this Blender. Wait until it has ended, or cancel it.": (
        "In diesem Blender läuft ein Auftrag. Warte, bis er fertig ist, oder brich ihn ab."
    ),
    "Checksum of the faces that the result was made for": "Prüfsumme der Flächen, für die das Ergebnis gemacht wurde",
    "Checksum of the faces' material slots, where each slot has a texture of its own": (
        "Prüfsumme der Material-Slots der Flächen, wenn jeder Slot eine eigene Textur hat"
    ),
    "Faces of '{name}' are in other material slots now, and each slot has a texture of its own.": (
        "Flächen von „{name}“ sind jetzt in anderen Material-Slots, und jeder Slot hat eine eigene Textur."
    ),
    "It runs in this Blender, which waits for it. Esc cancels it too.": (
        "Er läuft in diesem Blender, der auf ihn wartet. Auch Esc bricht ihn ab."
    ),
    "Made For": "Gemacht für",
    "Name of the object in the job of the result": "Name des Objekts im Auftrag des Ergebnisses",
    "Origin": "Herkunft",
    "Run the jobs that wait for this Blender's window; Esc cancels the one that runs": (
        "Die Aufträge ausführen, die auf das Fenster dieses Blenders warten; Esc bricht den laufenden ab"
    ),
    "Paint in This Blender": "In diesem Blender malen",
    "A tool is in use.": "Ein Werkzeug ist gerade in Gebrauch.",
    "Active": "Aktive",
    "Active Color": "Aktive Farbe",
    "Active Reference": "Aktive Vorlage",
    "Active Slot": "Aktiver Slot",
    "Active Variant": "Aktive Variante",
    "Add a guide that has been drawn to the references": "Eine gezeichnete Malhilfe zu den Vorlagen hinzufügen",
    "Add Guide": "Malhilfe hinzufügen",
    "Add one under References, then try again.": "Füge unter Vorlagen eines hinzu und versuche es noch einmal.",
    "Add pictures of the object, chosen in a file browser": "Bilder des Objekts hinzufügen, im Dateibrowser ausgewählt",
    "Add Reference": "Vorlage hinzufügen",
    "Add to Existing": "Vorhandenes ergänzen",
    "Add to Queue": "In die Warteschlange",
    "Added Slot": "Hinzugefügter Slot",
    "Advanced": "Erweitert",
    "All results of this object": "Alle Ergebnisse dieses Objekts",
    "Also render a turntable video into the job's folder": "Außerdem ein Drehvideo in den Ordner des Auftrags rendern",
    "Also write the voxel texture as .vxz into the job's folder": "Die Voxel-Textur außerdem als .vxz in den Ordner "
    "des Auftrags schreiben",
    "Sparse Voxel File": "Datei dünn besetzter Voxel",
    "and {count} more": "und {count} weitere",
    "An error in Orbit Painter kept this result from being applied. The system console says more.": (
        "Ein Fehler in Orbit Painter hat verhindert, dass dieses Ergebnis angewendet wird. Die Systemkonsole sagt mehr."
    ),
    "Another file was opened before the result was ready. Apply puts it on objects of the same name.": (
        "Bevor das Ergebnis fertig war, wurde eine andere Datei geöffnet. Anwenden legt es auf Objekte "
        "desselben Namens."
    ),
    "Apply": "Anwenden",
    "Apply Result": "Ergebnis anwenden",
    "As Published": "Wie veröffentlicht",
    "As the 3D viewport looks at the object now, framed on the object": (
        "Wie das 3D-Ansichtsfenster jetzt auf das Objekt schaut, auf das Objekt zugeschnitten"
    ),
    "Atlas": "Atlas",
    "Automatic": "Automatisch",
    "Back": "Rückseite",
    "Bake Again": "Neu backen",
    "Bake the painted views of a result again with the present texture size and fuse settings": (
        "Die gemalten Ansichten eines Ergebnisses mit der jetzigen Texturgröße und den jetzigen Einstellungen "
        "neu backen"
    ),
    "Beside the File": "Neben der Datei",
    "Blender does not know its own program, so no job can run in the background.": (
        "Blender kennt sein eigenes Programm nicht, daher kann kein Auftrag im Hintergrund laufen."
    ),
    "Blender is not in Object Mode.": "Blender ist nicht im Objektmodus.",
    "Blender is rendering; results are applied when it is done.": (
        "Blender rendert gerade; Ergebnisse werden danach angewendet."
    ),
    "Bottom": "Unterseite",
    "By Name": "Nach Name",
    "Camera": "Kamera",
    "Camera of the guide that the picture was painted over, as JSON": (
        "Kamera der Malhilfe, die übermalt wurde, als JSON"
    ),
    "Cancel": "Abbrechen",
    "Carries the references to the surface they show and continues their texture; needs only a processor": (
        "Überträgt die Vorlagen auf die Oberfläche, die sie zeigen, und führt ihre Textur fort; braucht nur "
        "einen Prozessor"
    ),
    "Check UV Maps": "UV-Karten prüfen",
    "Check whether the UV maps of large meshes can be used; takes a moment": (
        "Prüfen, ob die UV-Karten großer Netze brauchbar sind; dauert einen Moment"
    ),
    "checking...": "wird geprüft ...",
    "Checksum of everything that decided the result": "Prüfsumme von allem, was das Ergebnis bestimmt hat",
    "Checksum of the bare guide, which tells whether it has been painted over": (
        "Prüfsumme der leeren Malhilfe, an der zu erkennen ist, ob sie übermalt wurde"
    ),
    "Checksum of the guide's file": "Prüfsumme der Datei der Malhilfe",
    "Choose Packed under UV and Output > Images, or save the file in another folder. Then apply again.": (
        "Wähle Gepackt unter UV und Ausgabe > Bilder, oder speichere die Datei in einem anderen Ordner. "
        "Wende es dann noch einmal an."
    ),
    "Choose a mesh that has results.": "Wähle ein Netz, das Ergebnisse hat.",
    "Choose a picture file such as a PNG or JPEG.": "Wähle eine Bilddatei wie PNG oder JPEG.",
    "Choose a side instead.": "Wähle stattdessen eine Seite.",
    "Choose another one.": "Wähle eine andere.",
    "Choose the picture again.": "Wähle das Bild noch einmal aus.",
    "Color Attribute": "Farbattribut",
    "Color attribute that holds the variant; empty for textures": "Farbattribut mit der Variante; leer bei Texturen",
    "Color attribute that was chosen for painting": "Farbattribut, das zum Malen gewählt war",
    "Color attribute that was chosen for rendering": "Farbattribut, das zum Rendern gewählt war",
    "Colour Grid": "Farbraster",
    "Compare": "Vergleichen",
    "Copies of the materials show it; the old ones stay in the file": (
        "Kopien der Materialien zeigen es; die alten bleiben in der Datei"
    ),
    "Copies of the materials show the texture; the old ones stay in the file": (
        "Kopien der Materialien zeigen die Textur; die alten bleiben in der Datei"
    ),
    "Copies of the materials show the variant": "Kopien der Materialien zeigen die Variante",
    "Copy Settings": "Einstellungen übernehmen",
    "Copy the textures of all results beside the .blend, so that they travel with it": (
        "Die Texturen aller Ergebnisse neben die .blend-Datei kopieren, damit sie mit ihr reisen"
    ),
    "CPU": "CPU",
    "Created": "Erstellt",
    "Custom": "Eigene",
    "Cycles": "Cycles",
    "Cycles is switched off. Enable it in Preferences > Add-ons, or use another pass renderer.": (
        "Cycles ist ausgeschaltet. Schalte es unter Einstellungen > Add-ons ein oder nimm einen anderen Pass-Renderer."
    ),
    "Default": "Standard",
    "Delete the files of removed variants for good; their removal cannot be undone afterwards": (
        "Die Dateien entfernter Varianten endgültig löschen; das Entfernen lässt sich danach nicht mehr "
        "rückgängig machen"
    ),
    "Detail": "Details",
    "Detect": "Erkennen",
    "Diagnostics": "Diagnose",
    "Digest": "Prüfsumme",
    "Dismiss": "Ausblenden",
    "Domain": "Bereich",
    "Draft": "Entwurf",
    "Each object is painted by itself and waits its turn; references show one object": (
        "Jedes Objekt wird für sich bemalt, eines nach dem anderen; Vorlagen zeigen ein Objekt"
    ),
    "Edit": "Änderung",
    "EEVEE": "EEVEE",
    "Empty Trash": "Papierkorb leeren",
    "Engine": "Engine",
    "Engine Options": "Mehr Optionen",
    "Export Guide": "Malhilfe exportieren",
    "Face Corner": "Flächenecke",
    "Favourite": "Favorit",
    "Made UV Map": "Neue UV-Map",
    "The faces of '{name}' are others than this variant was made for; see whether it fits.": (
        "Die Flächen von „{name}“ sind andere als die, für die diese Variante gemacht wurde; sieh nach, ob sie passt."
    ),
    "The UV map was made for this variant, and goes with the last that needs it": (
        "Die UV-Map wurde für diese Variante gemacht und geht mit der letzten, die sie braucht"
    ),
    "Few small views, to see whether the references fit": (
        "Wenige kleine Ansichten, um zu sehen, ob die Vorlagen passen"
    ),
    "File": "Datei",
    "Files": "Dateien",
    "Filter": "Filter",
    "Find Problems": "Probleme suchen",
    "Folder": "Ordner",
    "Folder of the finished job": "Ordner des fertigen Auftrags",
    "Folder of the picture and the recipe of this variant": "Ordner mit Bild und Rezept dieser Variante",
    "Folder of the picture files": "Ordner der Bilddateien",
    "Folder of the result to start from; empty: the newest": (
        "Ordner des Ergebnisses, von dem ausgegangen wird; leer: das neueste"
    ),
    "Folder that the result was made in": "Ordner, in dem das Ergebnis entstand",
    "Forget Guide Camera": "Kamera der Malhilfe vergessen",
    "Frame Size": "Bildgröße",
    "Front": "Vorderseite",
    "Front and back are taken as mirrored": "Vorder- und Rückseite gelten als gespiegelt",
    "Further options of the engine, as NAME=VALUE with spaces between": (
        "Weitere Optionen der Engine, als NAME=WERT mit Leerzeichen dazwischen"
    ),
    "Further parameters of TextureOptimizer, as NAME=VALUE with spaces between": (
        "Weitere Parameter von TextureOptimizer, als NAME=WERT mit Leerzeichen dazwischen"
    ),
    "Fuse Options": "Mehr Parameter",
    "Fusing": "Verschmelzen",
    "Fusing Textures": "Texturen verschmelzen",
    "Generate Texture": "Textur erzeugen",
    "Give the selected objects the materials back that they had before their first result; variants are kept": (
        "Den ausgewählten Objekten die Materialien zurückgeben, die sie vor dem ersten Ergebnis hatten; "
        "Varianten bleiben erhalten"
    ),
    "Go to Object Mode first.": "Gehe zuerst in den Objektmodus.",
    "GPU": "GPU",
    "Painted Guide": "Malhilfe",
    "Guide Camera": "Kamera der Malhilfe",
    "Guide Digest": "Prüfsumme der Malhilfe",
    "Guide Objects": "Objekte der Malhilfe",
    "Guide of {names}": "Malhilfe von {names}",
    "Hidden Material": "Verdecktes Material",
    "High": "Hoch",
    "Higher values take larger connected patches from one view, with fewer seams between views": (
        "Höhere Werte nehmen größere zusammenhängende Stücke aus einer Ansicht, mit weniger Nähten zwischen "
        "den Ansichten"
    ),
    "How far colours reach beyond the borders of UV islands": (
        "Wie weit Farben über die Ränder der UV-Inseln hinausreichen"
    ),
    "How many views are painted and how finely": "Wie viele Ansichten gemalt werden, und wie fein",
    "How materials show the variant": "Wie Materialien die Variante zeigen",
    "How much fine texture is continued where no reference shows any; 0 leaves plain colours": (
        "Wie viel feine Textur fortgeführt wird, wo keine Vorlage eine zeigt; 0 lässt einfache Farben"
    ),
    "How the materials of the objects get the result": "Wie die Materialien der Objekte das Ergebnis bekommen",
    "How the materials of the objects get the texture": "Wie die Materialien der Objekte die Textur bekommen",
    "Image": "Bild",
    "Image data-blocks that no material uses yet, to wire by hand": (
        "Bild-Datenblöcke, die noch kein Material benutzt, zum Verbinden von Hand"
    ),
    "Image Only": "Nur Bild",
    "Image textures on the materials of the objects": "Bildtexturen auf den Materialien der Objekte",
    "Images": "Bilder",
    "In a Blender of its own; you go on working": "In einem eigenen Blender; du arbeitest weiter",
    "In a Thread": "In einem Thread",
    "in Edit Mode": "im Bearbeitungsmodus",
    "In Edit Mode: its shape at the moment you press Generate is used.": (
        "Im Bearbeitungsmodus: Es gilt die Form in dem Moment, in dem du auf Erzeugen drückst."
    ),
    "In the Background": "Im Hintergrund",
    "In the folder textures beside the .blend, once that is saved": (
        "Im Ordner textures neben der .blend-Datei, sobald sie gespeichert ist"
    ),
    "In the folder textures beside the .blend; in the user's data folder until it is saved": (
        "Im Ordner textures neben der .blend-Datei; im Datenordner des Benutzers, bis sie gespeichert ist"
    ),
    "In This Blender": "In diesem Blender",
    "Inside the .blend": "In der .blend-Datei",
    "It has a broken transform. Clear its location and scale.": (
        "Seine Transformation ist kaputt. Setze Position und Skalierung zurück."
    ),
    "It has a scale of zero. Give it a scale (Item tab of this sidebar).": (
        "Seine Skalierung ist null. Gib ihm eine Skalierung (Reiter Element dieser Seitenleiste)."
    ),
    "It has no faces. Choose an object that has some.": "Es hat keine Flächen. Wähle ein Objekt, das welche hat.",
    "It has not answered for a while.": "Es hat seit einer Weile nicht geantwortet.",
    "It has {count} UV maps and needs a new one. Remove a map that is not needed.": (
        "Es hat {count} UV-Karten und braucht eine neue. Entferne eine, die nicht gebraucht wird."
    ),
    "It is hidden. Show it and its collections in the viewport.": (
        "Es ist versteckt. Zeige es und seine Sammlungen im Ansichtsfenster."
    ),
    "It is linked from another file. Make it local or override it (Object > Relations), or choose Image Only.": (
        "Es ist aus einer anderen Datei verknüpft. Mache es lokal oder überschreibe es (Objekt > "
        "Beziehungen), oder wähle Nur Bild."
    ),
    "It shows other objects and is not used now.": "Sie zeigt andere Objekte und wird jetzt nicht benutzt.",
    "It needs a new UV map, but its mesh is linked. Make the mesh local (Object > Relations).": (
        "Es braucht eine neue UV-Karte, aber sein Netz ist verknüpft. Mache das Netz lokal (Objekt > Beziehungen)."
    ),
    "Its mesh is linked, so the texture goes into material slots of the object.": (
        "Sein Netz ist verknüpft, daher kommt die Textur in Material-Slots des Objekts."
    ),
    "Its UV maps cannot be checked: {reason}": "Seine UV-Karten können nicht geprüft werden: {reason}",
    "Job": "Auftrag",
    "Job Folder": "Auftragsordner",
    "Keep Background": "Mit Hintergrund",
    "Left": "Links",
    "Left and right are taken as mirrored": "Links und rechts gelten als gespiegelt",
    "Link": "Verknüpfung",
    "Log": "Protokoll",
    "Look for what could keep Orbit Painter from working, and copy a report to the clipboard": (
        "Suchen, was Orbit Painter am Arbeiten hindern könnte, und einen Bericht in die Zwischenablage kopieren"
    ),
    "Making Pictures": "Bilder machen",
    "Map Name": "Kartenname",
    "Margin": "Rand",
    "Mark this variant with a star": "Diese Variante mit einem Stern markieren",
    "Material": "Material",
    "Material of the artist": "Material des Künstlers",
    "Material of the slot": "Material des Slots",
    "Material slot that was chosen": "Material-Slot, der gewählt war",
    "Material slot, -1 for all": "Material-Slot, -1 für alle",
    "Material that the slot of the data had hidden": "Material, das der Slot der Daten verdeckt hatte",
    "Materials": "Materialien",
    "Materials as they were": "Materialien, wie sie waren",
    "Mirror planes that carry the references to places they do not show": (
        "Spiegelebenen, die die Vorlagen auf Stellen übertragen, die sie nicht zeigen"
    ),
    "Move Reference": "Vorlage verschieben",
    "Move Textures Beside the File": "Texturen neben die Datei legen",
    "Move the chosen reference; where pictures show the same place, the first in the list wins": (
        "Die gewählte Vorlage verschieben; wo Bilder dieselbe Stelle zeigen, gewinnt das erste in der Liste"
    ),
    "Moved": "Verschoben",
    "Name of the UV map": "Name der UV-Karte",
    "Names of files that are shown": "Namen der Dateien, die gezeigt werden",
    "Names of the objects it shows, as JSON": "Namen der Objekte, die sie zeigt, als JSON",
    "Names of the objects that the guide shows, as JSON": "Namen der Objekte, die die Malhilfe zeigt, als JSON",
    "Names of the picture files in the folder": "Namen der Bilddateien im Ordner",
    "Needs a graphics card": "Braucht eine Grafikkarte",
    "New": "Neu",
    "New Material": "Neues Material",
    "new UV map": "neue UV-Karte",
    "No mesh is selected. Convert a copy of the object to a mesh (Object > Convert).": (
        "Kein Netz ist ausgewählt. Wandle eine Kopie des Objekts in ein Netz um (Objekt > Umwandeln)."
    ),
    "No object is selected. Select the mesh that you want to texture.": (
        "Kein Objekt ist ausgewählt. Wähle das Netz aus, das eine Textur bekommen soll."
    ),
    "No Picture": "Kein Bild",
    "No problem was found. A report is on the clipboard.": (
        "Kein Problem gefunden. Ein Bericht ist in der Zwischenablage."
    ),
    "No reference picture is chosen.": "Kein Vorlagenbild ist gewählt.",
    "No reference picture is chosen. Add one under References.": (
        "Kein Vorlagenbild ist gewählt. Füge unter Vorlagen eines hinzu."
    ),
    "None": "Keine",
    "not checked": "nicht geprüft",
    "Not saved with the file.": "Nicht mit der Datei gespeichert.",
    "Nothing else was shown yet. Click another variant first.": (
        "Bisher wurde nichts anderes gezeigt. Klicke erst eine andere Variante an."
    ),
    "Nothing shows it yet": "Noch zeigt es nichts",
    "NumPy alone does the work; numba or PyMaxflow would make it faster.": (
        "NumPy allein macht die Arbeit; mit numba oder PyMaxflow ginge es schneller."
    ),
    "Objects": "Objekte",
    "Off": "Aus",
    "On the graphics card set in the preferences": "Auf der Grafikkarte, die in den Einstellungen gewählt ist",
    "On the processor": "Auf dem Prozessor",
    "One by One": "Einzeln",
    "One color for each corner of a face, with hard borders": (
        "Eine Farbe für jede Ecke einer Fläche, mit harten Grenzen"
    ),
    "One color for each vertex; sculpting keeps them": (
        "Eine Farbe für jeden Vertex; beim Modellieren bleiben sie erhalten"
    ),
    "One texture for all objects of the job": "Eine Textur für alle Objekte des Auftrags",
    "One texture for each material slot": "Eine Textur für jeden Material-Slot",
    "One texture for each object": "Eine Textur für jedes Objekt",
    "Open": "Öffnen",
    "Open Job Folder": "Auftragsordner öffnen",
    "Open Preferences": "Einstellungen öffnen",
    "Open the file that holds it.": "Öffne die Datei, die es enthält.",
    "Open the preferences of Orbit Painter, where engines are installed": (
        "Die Einstellungen von Orbit Painter öffnen, wo Engines installiert werden"
    ),
    "Open this file or folder in the system's own program": (
        "Diese Datei oder diesen Ordner im Programm des Systems öffnen"
    ),
    "Orbit Painter": "Orbit Painter",
    "Orbit Painter {version} in Blender {blender}.": "Orbit Painter {version} in Blender {blender}.",
    "OrbitPainter": "OrbitPainter",
    "Original": "Original",
    "Output": "Ausgabe",
    "Over the Top": "Über oben",
    "Packed": "Gepackt",
    "Paint over {path} and save it under the same name, or remove it from the references.": (
        "Übermale {path} und speichere es unter demselben Namen, oder entferne es aus den Vorlagen."
    ),
    "Paint over {path} and save it; it is already among the references.": (
        "Übermale {path} und speichere es; es ist schon bei den Vorlagen."
    ),
    "Paint the selected meshes, or those of the collection, after the references; you can go on working meanwhile": (
        "Die ausgewählten Netze, oder die der Sammlung, nach den Vorlagen bemalen; du kannst dabei weiterarbeiten"
    ),
    "Painting Views": "Ansichten malen",
    "Paints all views with a video diffusion model; needs its weights and a graphics card": (
        "Malt alle Ansichten mit einem Video-Diffusionsmodell; braucht dessen Gewichte und eine Grafikkarte"
    ),
    "Parameters of TextureOptimizer": "Parameter von TextureOptimizer",
    "Pass Device": "Pass-Gerät",
    "Painted Pose": "Bemalte Pose",
    "In which pose armatures and shape keys are read. The rig stays as it is": (
        "In welcher Pose Armaturen und Formschlüssel gelesen werden. Das Rig bleibt, wie es ist"
    ),
    "As Shown": "Wie gezeigt",
    "As the scene shows the objects now": "Wie die Szene die Objekte jetzt zeigt",
    "At Rest": "In Ruhe",
    "Armatures at rest, shape keys at their basis, so that views see what the pose hides": (
        "Armaturen in Ruhe und Formschlüssel auf ihrer Basis, damit Ansichten sehen, was die Pose verdeckt"
    ),
    "Pass Renderer": "Pass-Renderer",
    "Passes": "Pässe",
    "Passes are rendered this many times larger than the frames; 0 is the engine's own choice": (
        "Pässe werden so viel Mal größer gerendert als die Bilder; 0 überlässt es der Engine"
    ),
    "Per Material Slot": "Pro Material-Slot",
    "Per Object": "Pro Objekt",
    "Picture": "Bild",
    "Picture file": "Bilddatei",
    "Picture of the object that the texture is painted after": "Bild des Objekts, nach dem die Textur gemalt wird",
    "Pictures of the object": "Bilder des Objekts",
    "Places down the list": "Plätze die Liste hinab",
    "PNG picture to write; the camera is written beside it": (
        "PNG-Bild, das geschrieben wird; die Kamera wird daneben geschrieben"
    ),
    "Preparing": "Vorbereiten",
    "Previous Variant": "Vorige Variante",
    "Projection": "Projektion",
    "Put this result onto its objects now": "Dieses Ergebnis jetzt auf seine Objekte legen",
    "Put this result onto the objects that it was made for": (
        "Dieses Ergebnis auf die Objekte legen, für die es gemacht wurde"
    ),
    "Quality": "Qualität",
    "Ray Casting": "Strahlverfolgung",
    "Recipe": "Rezept",
    "Reference whose settings are shown": "Vorlage, deren Einstellungen gezeigt werden",
    "Reference, Passes and Frames": "Vorlage, Pässe und Bilder",
    "References": "Vorlagen",
    "Remove Reference": "Vorlage entfernen",
    "Remove the chosen reference from the list; the picture itself stays": (
        "Die gewählte Vorlage aus der Liste entfernen; das Bild selbst bleibt"
    ),
    "Remove this variant from the selected objects; its files go to the trash, and come back with Undo": (
        "Diese Variante von den ausgewählten Objekten entfernen; ihre Dateien kommen in den Papierkorb und "
        "mit Rückgängig zurück"
    ),
    "Remove Variant": "Variante entfernen",
    "Render Color": "Render-Farbe",
    "Rendering Passes": "Pässe rendern",
    "Restore Original": "Original wiederherstellen",
    "Result": "Ergebnis",
    "Result that was shown before this one": "Ergebnis, das vor diesem gezeigt wurde",
    "Return at once and add the reference when the picture is drawn": (
        "Sofort zurückkehren und die Vorlage hinzufügen, wenn das Bild gezeichnet ist"
    ),
    "Right": "Rechts",
    "Run": "Ausführen",
    "Run this job again; finished stages are kept": "Diesen Auftrag noch einmal ausführen; fertige Schritte bleiben",
    "Save a picture of the bare object to paint over in any program; the painting comes back aligned to the pixel": (
        "Ein Bild des leeren Objekts speichern, um es in einem beliebigen Programm zu übermalen; das Gemalte "
        "kommt pixelgenau zurück"
    ),
    "Save it again as PNG or JPEG.": "Speichere es noch einmal als PNG oder JPEG.",
    "Save the file first; its textures then move beside it by themselves.": (
        "Speichere die Datei zuerst; ihre Texturen wandern dann von selbst neben sie."
    ),
    "Say in which file the guide is to be saved.": "Gib an, in welcher Datei die Malhilfe gespeichert werden soll.",
    "Scene": "Szene",
    "Scene that gets the reference": "Szene, die die Vorlage bekommt",
    "Schema": "Schema",
    "Seed": "Startwert",
    "Seed of the result": "Startwert des Ergebnisses",
    "seed {seed}": "Startwert {seed}",
    "Choose the same objects again, or save a new guide.": (
        "Wähle wieder dieselben Objekte oder speichere eine neue Malhilfe."
    ),
    "Set the panel to the settings and the seed that made this variant": (
        "Die Einstellungen und den Startwert dieser Variante ins Bedienfeld übernehmen"
    ),
    "Several Objects": "Mehrere Objekte",
    "Shared": "Gemeinsam",
    "Sharp and fast": "Scharf und schnell",
    "Show Textures in Solid Shading": "Texturen in Solid-Ansicht zeigen",
    "Show this variant on the selected objects that have it": (
        "Diese Variante auf den ausgewählten Objekten zeigen, die sie haben"
    ),
    "Show Variant": "Variante zeigen",
    "Shows": "Zeigt",
    "Side of the object that it shows": "Seite des Objekts, die sie zeigt",
    "Side of the object that the guide shows": "Seite des Objekts, die die Malhilfe zeigt",
    "Side of the object that the picture shows": "Seite des Objekts, die das Bild zeigt",
    "Size": "Größe",
    "Slot": "Slot",
    "Slots": "Slots",
    "Slots as they were": "Slots, wie sie waren",
    "Smoothness": "Zusammenhang",
    "Standard": "Standard",
    "Step": "Schritt",
    "Stop this job; nothing in the file changes": "Diesen Auftrag anhalten; in der Datei ändert sich nichts",
    "Supersampling": "Überabtastung",
    "Surface samples along the object on which texture is continued where no reference shows any": (
        "Oberflächenpunkte entlang des Objekts, auf denen Textur fortgeführt wird, wo keine Vorlage eine zeigt"
    ),
    "Switch to what was shown before; press again to switch back": (
        "Zu dem wechseln, was vorher gezeigt wurde; noch einmal drücken, um zurückzuwechseln"
    ),
    "Symmetry": "Symmetrie",
    "Synthesis Grid": "Syntheseraster",
    "Take all of a picture without transparency as object, instead of removing a plain background": (
        "Ein Bild ohne Transparenz ganz als Objekt nehmen, statt einen einfarbigen Hintergrund zu entfernen"
    ),
    "Take this job off the list; its files stay": "Diesen Auftrag von der Liste nehmen; seine Dateien bleiben",
    "Take this message away": "Diese Meldung wegnehmen",
    "Take this result off the list; its files stay in the job's folder": (
        "Dieses Ergebnis von der Liste nehmen; seine Dateien bleiben im Auftragsordner"
    ),
    "Texture of this variant": "Textur dieser Variante",
    "Texture Size": "Texturgröße",
    "Textures": "Texturen",
    "Textures of this variant": "Texturen dieser Variante",
    "The base colour of the materials themselves gets the texture": (
        "Die Grundfarbe der Materialien selbst bekommt die Textur"
    ),
    "The base colour of the materials themselves shows it": "Die Grundfarbe der Materialien selbst zeigt es",
    "The engine that this file asks for is not in this version.": (
        "Die Engine, die diese Datei verlangt, gibt es in dieser Version nicht."
    ),
    "The engine {name} can run.": "Die Engine {name} ist bereit.",
    "The faces of '{name}' have changed since the job started, so its result does not fit.": (
        "Die Flächen von „{name}“ haben sich geändert, seit der Auftrag begann, daher passt das Ergebnis nicht."
    ),
    "The file of the reference '{name}' is not there ({path}).": (
        "Die Datei der Vorlage „{name}“ ist nicht da ({path})."
    ),
    "The full orbits at 512 pixels": "Die vollen Umläufe mit 512 Pixeln",
    "The full orbits at 768 pixels, on a finer grid": "Die vollen Umläufe mit 768 Pixeln, auf feinerem Raster",
    "The guide '{name}' is still the bare object.": "Die Malhilfe „{name}“ zeigt noch das leere Objekt.",
    "The guide was saved for {names}, which is not what is textured now.": (
        "Die Malhilfe wurde für {names} gespeichert; das ist nicht, was jetzt bemalt wird."
    ),
    "The guide's camera, as JSON": "Die Kamera der Malhilfe, als JSON",
    "The guide's picture": "Das Bild der Malhilfe",
    "The job that made the result, as JSON": "Der Auftrag, der das Ergebnis gemacht hat, als JSON",
    "The map that renders if it is usable, else another one, else a new one": (
        "Die Karte, die rendert, wenn sie brauchbar ist, sonst eine andere, sonst eine neue"
    ),
    "The map that renders, whatever its state; where parts overlap the first one wins": (
        "Die Karte, die rendert, wie auch immer sie ist; wo sich Teile überlappen, gewinnt der erste"
    ),
    "The map with the name below": "Die Karte mit dem Namen darunter",
    "The materials themselves show the variant": "Die Materialien selbst zeigen die Variante",
    "The mesh had no material slot": "Das Netz hatte keinen Material-Slot",
    "The numbers below": "Die Zahlen darunter",
    "The object before its first result": "Das Objekt vor seinem ersten Ergebnis",
    "The object has no such variant.": "Das Objekt hat keine solche Variante.",
    "The object has no variants yet.": "Das Objekt hat noch keine Varianten.",
    "The object is linked from another file; make a library override of it.": (
        "Das Objekt ist aus einer anderen Datei verknüpft; mache eine Bibliotheksüberschreibung daraus."
    ),
    "The object looks as it did originally.": "Das Objekt sieht aus wie ursprünglich.",
    "The objects are painted as one model; the references show them together": (
        "Die Objekte werden als ein Modell bemalt; die Vorlagen zeigen sie zusammen"
    ),
    "The objects as they were when the job started, as JSON; empty: found by name": (
        "Die Objekte, wie sie beim Start des Auftrags waren, als JSON; leer: nach Namen gesucht"
    ),
    "The parameters of the Ink3D paper; slower": "Die Parameter des Ink3D-Artikels; langsamer",
    "The picture shows the +X side of the object": "Das Bild zeigt die +X-Seite des Objekts",
    "The picture shows the -X side of the object": "Das Bild zeigt die -X-Seite des Objekts",
    "The picture shows the back of the object: its +Y side": "Das Bild zeigt die Rückseite des Objekts: seine +Y-Seite",
    "The picture shows the front of the object: its -Y side": (
        "Das Bild zeigt die Vorderseite des Objekts: seine -Y-Seite"
    ),
    "The picture shows the object from above": "Das Bild zeigt das Objekt von oben",
    "The picture shows the object from below": "Das Bild zeigt das Objekt von unten",
    "The reference '{name}' cannot be read: it is damaged, or of an unknown format.": (
        "Die Vorlage „{name}“ kann nicht gelesen werden: Sie ist beschädigt oder hat ein unbekanntes Format."
    ),
    "The reference '{name}' has no pixels.": "Die Vorlage „{name}“ hat keine Pixel.",
    "The result will be put on when it has ended.": "Das Ergebnis wird angewendet, wenn es vorbei ist.",
    "The result will be put on when you are back in Object Mode.": (
        "Das Ergebnis wird angewendet, wenn du wieder im Objektmodus bist."
    ),
    "The results of the chosen object will be kept here.": (
        "Die Ergebnisse des gewählten Objekts werden hier aufbewahrt."
    ),
    "The same seed gives the same texture; another one continues the unseen parts differently": (
        "Derselbe Startwert gibt dieselbe Textur; ein anderer führt die ungesehenen Teile anders fort"
    ),
    "The slot was changed to belong to the object": "Der Slot gehört jetzt zum Objekt",
    "The UV map that textures are laid out in; maps are never edited": (
        "Die UV-Karte, in der die Texturen liegen; Karten werden nie verändert"
    ),
    "The UV map {map} of '{name}' has changed since the job started.": (
        "Die UV-Karte {map} von „{name}“ hat sich geändert, seit der Auftrag begann."
    ),
    "The window waits until the texture is done": "Das Fenster wartet, bis die Textur fertig ist",
    "There is no 3D viewport to look through.": "Es gibt kein 3D-Ansichtsfenster, durch das man schauen könnte.",
    "There is no job '{name}'.": "Es gibt keinen Auftrag „{name}“.",
    "There is no reference; add one first": "Es gibt keine Vorlage; füge erst eine hinzu",
    "There is no result to bake again. Generate a texture first.": (
        "Es gibt kein Ergebnis, das neu gebacken werden könnte. Erzeuge erst eine Textur."
    ),
    "There is no result yet. Its painted views will be shown here.": (
        "Es gibt noch kein Ergebnis. Seine gemalten Ansichten werden hier gezeigt."
    ),
    "Together": "Zusammen",
    "Top": "Oberseite",
    "Topology": "Topologie",
    "Treat the picture as one whose framing must be found, and no longer as painted over a guide": (
        "Das Bild wie eines behandeln, dessen Ausschnitt erst gefunden werden muss, nicht mehr wie eine "
        "übermalte Malhilfe"
    ),
    "Try Again": "Wiederholen",
    "Turntable Video": "Drehvideo",
    "Undo its removal, or open the file that holds it, and apply the result again.": (
        "Mache das Löschen rückgängig oder öffne die Datei, die es enthält, und wende das Ergebnis noch einmal an."
    ),
    "Undo its removal, or remove the variant.": "Mache das Entfernen rückgängig, oder entferne die Variante.",
    "Undo the change and apply the result again, or generate a new one.": (
        "Mache die Änderung rückgängig und wende das Ergebnis noch einmal an, oder erzeuge ein neues."
    ),
    "UV and Output": "UV und Ausgabe",
    "UV Map": "UV-Karte",
    "UV map that the textures are laid out in": "UV-Karte, in der die Texturen liegen",
    "Variant": "Variante",
    "Variant that is selected in the list": "Variante, die in der Liste gewählt ist",
    "Variant {number}": "Variante {number}",
    "Variants": "Varianten",
    "Version of these settings": "Version dieser Einstellungen",
    "Vertex": "Vertex",
    "View": "Ansicht",
    "View Grid": "Ansichtenraster",
    "Viewport": "Ansichtsfenster",
    "Views": "Ansichten",
    "Views Around": "Rundum",
    "Views of the horizontal orbit; 61 and 121 close the loop": (
        "Ansichten des waagerechten Umlaufs; 61 und 121 schließen den Kreis"
    ),
    "Views of the vertical orbit; 61 and 121 close the loop": (
        "Ansichten des senkrechten Umlaufs; 61 und 121 schließen den Kreis"
    ),
    "Voxels along the object on which the best view of each place is chosen": (
        "Voxel entlang des Objekts, auf denen die beste Ansicht jeder Stelle gewählt wird"
    ),
    "Voxels along the object that carry the colours of hidden places": (
        "Voxel entlang des Objekts, die die Farben verdeckter Stellen tragen"
    ),
    "What '{name}' shows is not in the file any more.": "Was „{name}“ zeigt, ist nicht mehr in der Datei.",
    "What is done with several objects": "Was mit mehreren Objekten geschieht",
    "What painted the result": "Was das Ergebnis gemalt hat",
    "What paints the frames": "Was die Bilder malt",
    "What renders the position and normal passes": "Was die Positions- und Normalenpässe rendert",
    "What the material that we put there is marked with": (
        "Womit das Material gekennzeichnet ist, das dort eingesetzt wurde"
    ),
    "What the result becomes": "Was aus dem Ergebnis wird",
    "What to open": "Was geöffnet wird",
    "What was added to its nodes, as JSON": "Was zu seinen Nodes hinzukam, als JSON",
    "When the result was made": "Wann das Ergebnis gemacht wurde",
    "Where a color attribute has its colors": "Wo ein Farbattribut seine Farben hat",
    "Where Cycles renders the passes": "Wo Cycles die Pässe rendert",
    "Where Each Texel Came From": "Woher jedes Texel kommt",
    "Where the images are kept": "Wo die Bilder aufbewahrt werden",
    "Where the mesh is symmetric": "Wo das Netz symmetrisch ist",
    "Where the work is done": "Wo gearbeitet wird",
    "Whether the material belonged to the object or its data": (
        "Ob das Material zum Objekt oder zu seinen Daten gehörte"
    ),
    "Which faces share a texture": "Welche Flächen sich eine Textur teilen",
    "Which job; as submitted": "Welcher Auftrag",
    "Which material slot": "Welcher Material-Slot",
    "Which result; empty: the one selected in the list": "Welches Ergebnis; leer: das in der Liste gewählte",
    "Width and height of a painted view": "Breite und Höhe einer gemalten Ansicht",
    "Width and height of each texture or UDIM tile": "Breite und Höhe jeder Textur oder UDIM-Kachel",
    "Width and height of the picture": "Breite und Höhe des Bildes",
    "Without a render engine": "Ohne Render-Engine",
    "Works everywhere": "Geht überall",
    "Writing the Model": "Modell schreiben",
    "X": "X",
    "Y": "Y",
    "{count} files, {size} MB deleted.": "{count} Dateien, {size} MB gelöscht.",
    "Left out, because they are not meshes: {count}": "Ausgelassen, weil sie keine Netze sind: {count}",
    "{count} slots": "{count} Slots",
    "{count} textures": "{count} Texturen",
    "{count} tiles": "{count} Kacheln",
    "{free} GB are free for jobs in {folder}.": "{free} GB sind für Aufträge in {folder} frei.",
    "{free} GB of memory are free.": "{free} GB Arbeitsspeicher sind frei.",
    "{names} is not in this file.": "{names} ist nicht in dieser Datei.",
    "{path} cannot be read. Choose a picture file.": "{path} kann nicht gelesen werden. Wähle eine Bilddatei.",
    "{path} is not a picture that can be read. Save it again as PNG or JPEG.": (
        "{path} ist kein lesbares Bild. Speichere es noch einmal als PNG oder JPEG."
    ),
    "about {time} left": "noch etwa {time}",
    "{title} failed": "{title} ist fehlgeschlagen",
    "{title} is done": "{title} ist fertig",
    "waiting": "wartet",
    "{title} was cancelled": "{title} wurde abgebrochen",
    "Speed": "Tempo",
    "What a neural engine may leave out to be faster": "Was eine neuronale Engine weglassen darf, um schneller zu sein",
    "Best Quality": "Beste Qualität",
    "Nothing is left out": "Nichts wird weggelassen",
    "Balanced": "Ausgewogen",
    "Fewer steps, and steps that reuse what changes little": (
        "Weniger Schritte, und Schritte, die wiederverwenden, was sich wenig ändert"
    ),
    "Fast": "Schnell",
    "For trying out": "Zum Ausprobieren",
    "Graphics Memory": "Grafikspeicher",
    "How much memory of the graphics card a neural engine plans with": (
        "Mit wie viel Speicher der Grafikkarte eine neuronale Engine plant"
    ),
    "What Is Free": "Was frei ist",
    "What the graphics card has free when the job starts": "Was die Grafikkarte beim Start des Auftrags frei hat",
    "Everything stays on the card": "Alles bleibt auf der Karte",
    "80 GB": "80 GB",
    "Without a graphics card, very slowly": "Ohne Grafikkarte, sehr langsam",
    "48 GB": "48 GB",
    "Plan for 48 GB": "Für 48 GB planen",
    "24 GB": "24 GB",
    "Plan for 24 GB": "Für 24 GB planen",
    "16 GB": "16 GB",
    "Plan for 16 GB": "Für 16 GB planen",
    "12 GB": "12 GB",
    "Plan for 12 GB": "Für 12 GB planen",
    "8 GB": "8 GB",
    "Plan for 8 GB": "Für 8 GB planen",
    "8 GB, from Disk": "8 GB, von der Platte",
    "Plan for 8 GB, and read the model from the disk where there is little RAM": (
        "Für 8 GB planen und bei wenig Arbeitsspeicher das Modell von der Platte lesen"
    ),
    "Install it in the preferences.": "Installiere sie in den Einstellungen.",
}
