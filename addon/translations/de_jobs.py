# SPDX-License-Identifier: GPL-3.0-or-later
"""German: what jobs say, while they run and when they end (sentences.py)."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    # Failures of any kind
    "Something unexpected went wrong ({kind}: {reason}).": "Etwas Unerwartetes ist schiefgegangen ({kind}: {reason}).",
    "Please report it with the log.": "Bitte melde es mit dem Protokoll.",
    "Stopped on request; nothing was left half-written.": (
        "Auf Wunsch angehalten; nichts blieb halb geschrieben zurück."
    ),
    "Stopping": "Hält an",
    "The job failed; the log says why.": "Der Auftrag ist fehlgeschlagen; das Protokoll sagt, warum.",
    "The job ran out of memory.": "Dem Auftrag ging der Arbeitsspeicher aus.",
    "The GPU ran out of memory.": "Der Speicher der Grafikkarte ist voll.",
    "The computer ran out of memory.": "Der Arbeitsspeicher des Rechners ist voll.",
    "Close other programs that use it, or choose a smaller quality preset.": (
        "Schließe andere Programme, die sie benutzen, oder wähle eine kleinere Qualität."
    ),
    "Close other programs, or use fewer views, a smaller texture or a smaller grid.": (
        "Schließe andere Programme, oder nimm weniger Ansichten, eine kleinere Textur oder ein kleineres Gitter."
    ),
    "Close other programs, or choose a smaller quality preset, and try again: finished stages are kept.": (
        "Schließe andere Programme oder wähle eine kleinere Qualität und versuche es noch einmal: fertige Schritte "
        "bleiben erhalten."
    ),
    "The disk is full.": "Der Datenträger ist voll.",
    "Free some space and run again with --resume.": "Schaffe Platz und versuche es noch einmal.",
    "{path} may not be written.": "{path} darf nicht geschrieben werden.",
    "Choose a folder you may write to.": "Wähle einen Ordner, in den du schreiben darfst.",
    "There is no file {path}.": "Es gibt keine Datei {path}.",
    "Check the path.": "Prüfe den Pfad.",
    "The graphics driver stopped working while the job ran.": (
        "Der Grafiktreiber ist ausgefallen, während der Auftrag lief."
    ),
    "Save your work, restart the computer, and update the driver if it happens again. Finished stages are kept.": (
        "Sichere deine Arbeit, starte den Rechner neu und aktualisiere den Treiber, wenn es wieder geschieht. Fertige "
        "Schritte bleiben erhalten."
    ),
    "Finished stages are kept: try again. The log says more.": (
        "Fertige Schritte bleiben erhalten: versuche es noch einmal. Das Protokoll sagt mehr."
    ),
    "The background Blender": "Der Blender im Hintergrund",
    "The engine": "Die Engine",
    "The background Blender crashed.": "Der Blender im Hintergrund ist abgestürzt.",
    "The background Blender gave up.": "Der Blender im Hintergrund hat aufgegeben.",
    "The background Blender was ended.": "Der Blender im Hintergrund wurde beendet.",
    "The engine crashed.": "Die Engine ist abgestürzt.",
    "The engine gave up.": "Die Engine hat aufgegeben.",
    "The engine was ended.": "Die Engine wurde beendet.",
    "{what} stopped with status {status}{reason}.": "{what} endete mit Status {status}{reason}.",
    "{what} was ended by the system, most likely because memory ran out.": (
        "{what} wurde vom System beendet, wahrscheinlich, weil der Arbeitsspeicher ausging."
    ),
    "{what} ended before the job was done.": "{what} endete, bevor der Auftrag fertig war.",
    "{what} could not be started ({reason}).": "{what} konnte nicht gestartet werden ({reason}).",
    "{what} did not answer within {seconds} seconds.": "{what} hat {seconds} Sekunden lang nicht geantwortet.",
    "It was started again.": "Er wurde noch einmal gestartet.",
    "{reason} It was started again.": "{reason} Er wurde noch einmal gestartet.",
    "It has not answered for {seconds} seconds.": "Er antwortet seit {seconds} Sekunden nicht.",
    "Restart it: finished stages are kept.": "Starte ihn neu: fertige Schritte bleiben erhalten.",
    "Try again; if it happens again, look at the log.": (
        "Versuche es noch einmal; geschieht es wieder, sieh ins Protokoll."
    ),
    "The result is in {folder}, but could not be applied ({reason}).": (
        "Das Ergebnis liegt in {folder}, konnte aber nicht angewendet werden ({reason})."
    ),
    "Memory ran out. {change} and tried again.": "Der Speicher war voll. {change}, und es wurde noch einmal versucht.",
    "It was cancelled.": "Er wurde abgebrochen.",
    "Stages: {names}; nothing was run.": "Schritte: {names}; nichts wurde ausgeführt.",
    "{horizontal} + {vertical} views of {size} pixels, engine {engine}, into {folder}.": (
        "{horizontal} + {vertical} Ansichten von {size} Pixeln, Engine {engine}, nach {folder}."
    ),
    "It takes about {seconds} seconds and {size} MB on the disk.": (
        "Es dauert etwa {seconds} Sekunden und braucht {size} MB auf dem Datenträger."
    ),
    "Give --json too.": "Gib auch --json an.",
    "There is no permission for {path} ({reason}).": "Für {path} fehlt die Erlaubnis ({reason}).",
    "Check who may read and write it.": "Prüfe, wer es lesen und schreiben darf.",
    "The results would take the place of files beside {path}, which the job reads.": (
        "Die Ergebnisse würden Dateien neben {path} ersetzen, die der Auftrag liest."
    ),
    "Choose another output folder, for instance {folder}.": "Wähle einen anderen Ausgabeordner, zum Beispiel {folder}.",
    # Files and folders
    "{folder} is not the output folder of an earlier run.": "{folder} ist kein Ausgabeordner eines früheren Laufs.",
    "Run 'passes' or 'generate' first.": "Erzeuge zuerst eine Textur.",
    "{path} is missing or damaged ({reason}).": "{path} fehlt oder ist beschädigt ({reason}).",
    "{path} is damaged ({reason}).": "{path} ist beschädigt ({reason}).",
    "{path} is damaged.": "{path} ist beschädigt.",
    "Run the stage that writes it again.": "Führe den Schritt, der das schreibt, noch einmal aus.",
    "Run the job again.": "Führe den Auftrag noch einmal aus.",
    "Start the job again.": "Starte den Auftrag noch einmal.",
    "Choose another folder.": "Wähle einen anderen Ordner.",
    "Choose a folder that exists.": "Wähle einen Ordner, den es gibt.",
    "See the log.": "Sieh ins Protokoll.",
    "See the log; another folder or format may work.": (
        "Sieh ins Protokoll; ein anderer Ordner oder ein anderes Format kann helfen."
    ),
    "Check the disk's free space.": "Prüfe, wie viel Platz auf dem Datenträger frei ist.",
    "{path} could not be written: {reason}.": "{path} konnte nicht geschrieben werden: {reason}.",
    "{path} could not be written: the disk is full.": (
        "{path} konnte nicht geschrieben werden: der Datenträger ist voll."
    ),
    "{path} could not be written: the folder is read-only or belongs to someone else.": (
        "{path} konnte nicht geschrieben werden: der Ordner ist schreibgeschützt oder gehört jemand anderem."
    ),
    "{path} needs about {wanted} MB and has {free} MB free.": "{path} braucht etwa {wanted} MB und hat {free} MB frei.",
    "The output folder was made by version {other} of Orbit Painter, this is {own}.": (
        "Den Ausgabeordner hat Version {other} von Orbit Painter gemacht, dies ist {own}."
    ),
    "Choose another output folder, or run 'generate' without --resume, which makes everything anew.": (
        "Wähle einen anderen Ausgabeordner."
    ),
    "The output folder {folder} holds no finished '{stage}' stage.": (
        "Im Ausgabeordner {folder} ist der Schritt „{stage}“ nicht fertig."
    ),
    "Run '{stage}' first, or 'generate' to run everything.": "Erzeuge die Textur noch einmal ({stage}).",
    "Another run is writing to {folder}.": "Ein anderer Auftrag schreibt in {folder}.",
    "Wait for it to end, or choose another output folder.": (
        "Warte, bis er fertig ist, oder wähle einen anderen Ausgabeordner."
    ),
    "The output folder {folder} cannot be made ({reason}).": (
        "Der Ausgabeordner {folder} kann nicht angelegt werden ({reason})."
    ),
    "Delete the output folder's work folder and run again.": (
        "Lösche den Ordner work im Ausgabeordner und versuche es noch einmal."
    ),
    "The request {path} was made for another version of Orbit Painter.": (
        "Die Anfrage {path} wurde für eine andere Version von Orbit Painter gemacht."
    ),
    "Update the engine, or start the job again.": "Aktualisiere die Engine, oder starte den Auftrag noch einmal.",
    "The request {path} cannot be read ({reason}).": "Die Anfrage {path} ist nicht lesbar ({reason}).",
    "The recipe has format {other}, this program reads format {own}.": (
        "Das Rezept hat Format {other}, dieses Programm liest Format {own}."
    ),
    "Run it with the version of Orbit Painter that wrote it.": (
        "Benutze die Version von Orbit Painter, die es geschrieben hat."
    ),
    "The recipe has an unknown entry: {name}.": "Das Rezept hat einen unbekannten Eintrag: {name}.",
    "Remove it.": "Entferne ihn.",
    "The recipe {path} cannot be read.": "Das Rezept {path} ist nicht lesbar.",
    "Give a recipe.json.": "Gib eine recipe.json an.",
    "The folder {folder} holds no finished result that can be read.": (
        "Der Ordner {folder} enthält kein fertiges Ergebnis, das gelesen werden kann."
    ),
    # Settings
    "{horizontal} horizontal and {vertical} vertical views were asked for.": (
        "Es wurden {horizontal} waagerechte und {vertical} senkrechte Ansichten verlangt."
    ),
    "Ask for 1 to 250 views in all; 61 and 61 is the default.": (
        "Verlange 1 bis 250 Ansichten insgesamt; üblich sind 61 und 61."
    ),
    "The {name} is {value}, outside {low} to {high}.": "{name} ist {value}, nicht zwischen {low} und {high}.",
    "{name} is {value}, outside {low} to {high}.": "{name} ist {value}, nicht zwischen {low} und {high}.",
    "{name} is {value}, not a {kind}number from {low} to {high}.": (
        "{name} ist {value}, keine {kind}Zahl von {low} bis {high}."
    ),
    "{name} is {value}, which it cannot be.": "{name} ist {value}, was es nicht sein kann.",
    "A texture cannot be {size} pixels wide.": "Eine Textur kann nicht {size} Pixel breit sein.",
    "Choose a whole number of pixels up to {most}.": "Wähle eine ganze Zahl von Pixeln bis {most}.",
    "Choose a value inside the range.": "Wähle einen Wert in diesem Bereich.",
    "There is no {kind} named {name}.": "{kind} mit dem Namen {name} gibt es nicht.",
    "There is no preset named {name}.": "Eine Vorgabe namens {name} gibt es nicht.",
    "Use default or paper.": "Nimm default oder paper.",
    "There is no parameter named {name}.": "Einen Parameter namens {name} gibt es nicht.",
    "See docs/texturing.md.": "Sieh in docs/texturing.md nach.",
    "There is no solver named {name}.": "Ein Verfahren namens {name} gibt es nicht.",
    "Use numba, pymaxflow or numpy.": "Nimm numba, pymaxflow oder numpy.",
    "Use fast or exact.": "Nimm fast oder exact.",
    "There is no engine named {name}.": "Eine Engine namens {name} gibt es nicht.",
    "The option {name} is {value}.": "Die Option {name} ist {value}.",
    "Choose one of {names}.": "Wähle eins von {names}.",
    "Use one of {names}.": "Nimm eins von {names}.",
    "Choose {kind} from {low} to {high}.": "Wähle {kind} von {low} bis {high}.",
    "Choose a number from {low} to {high}.": "Wähle eine Zahl von {low} bis {high}.",
    "Choose true or false.": "Wähle true oder false.",
    "Give a text.": "Gib einen Text an.",
    "The projection engine has no option named {name}.": "Die Engine Projektion hat keine Option namens {name}.",
    "It knows {names}.": "Sie kennt {names}.",
    # Pictures
    "No reference picture was given.": "Es wurde kein Vorlagenbild angegeben.",
    "Give one with --reference FILE.": "Füge unter Vorlagen eines hinzu.",
    "Give one picture of the object.": "Gib ein Bild des Objekts an.",
    "{path} is cut off.": "{path} ist abgeschnitten.",
    "{path} is damaged or cut off ({reason}).": "{path} ist beschädigt oder abgeschnitten ({reason}).",
    "Save or copy the picture again.": "Speichere oder kopiere das Bild noch einmal.",
    "{path} is a folder, not a picture.": "{path} ist ein Ordner, kein Bild.",
    "Choose a picture file.": "Wähle eine Bilddatei.",
    "{path} is empty.": "{path} ist leer.",
    "{name} has {width} x {height} pixels; it was reduced to {less_width} x {less_height}.": (
        "{name} hat {width} x {height} Pixel; es wurde auf {less_width} x {less_height} verkleinert."
    ),
    "{path} stores floating point colours.": "{path} speichert Farben als Gleitkommazahlen.",
    "Save it with 8 or 16 bits.": "Speichere es mit 8 oder 16 Bit.",
    "{name} has {width} x {height} pixels; at most {most} million are read.": (
        "{name} hat {width} x {height} Pixel; höchstens {most} Millionen werden gelesen."
    ),
    "Make it smaller.": "Verkleinere es.",
    "{name} has only {width} x {height} pixels.": "{name} hat nur {width} x {height} Pixel.",
    "Use a picture of at least {width} x {height} pixels; 512 or more is good.": (
        "Nimm ein Bild mit mindestens {width} x {height} Pixeln; 512 oder mehr sind gut."
    ),
    "{name} is transparent everywhere.": "{name} ist überall durchsichtig.",
    "Use a picture that shows the object.": "Nimm ein Bild, das das Objekt zeigt.",
    "{path} cannot be read ({reason}).": "{path} ist nicht lesbar ({reason}).",
    "There is not enough memory to read {path}.": "Der Arbeitsspeicher reicht nicht, um {path} zu lesen.",
    "Make the picture smaller.": "Verkleinere das Bild.",
    "{path} is not a picture of a known format.": "{path} ist kein Bild in einem bekannten Format.",
    "{path} is not a picture of a known format, or it is damaged.": (
        "{path} ist kein Bild in einem bekannten Format, oder es ist beschädigt."
    ),
    "{path} has 32 bits per colour.": "{path} hat 32 Bit je Farbe.",
    "{path} has print colours (CMYK) without a profile; its colours may be off.": (
        "{path} hat Druckfarben (CMYK) ohne Profil; seine Farben können abweichen."
    ),
    "{path} cannot be read, because Pillow is not installed.": (
        "{path} ist nicht lesbar, weil Pillow nicht installiert ist."
    ),
    "Install the engine, or save the picture as RGBA PNG with 8 bits.": (
        "Installiere die Engine, oder speichere das Bild als RGBA-PNG mit 8 Bit."
    ),
    "{path} holds {count} pictures; the first one is used.": "{path} enthält {count} Bilder; das erste wird benutzt.",
    "The colour profile of {path} cannot be used; its colours may be off.": (
        "Das Farbprofil von {path} ist nicht brauchbar; seine Farben können abweichen."
    ),
    "{path} is a kind of PNG that is not read here.": "{path} ist ein PNG einer Art, die hier nicht gelesen wird.",
    "Save it as RGB or RGBA with 8 bits, not interlaced, no palette.": (
        "Speichere es als RGB oder RGBA mit 8 Bit, ohne Zeilensprung und Palette."
    ),
    "{path} is not a whole PNG picture ({reason}).": "{path} ist kein vollständiges PNG-Bild ({reason}).",
    "Make or save the picture again.": "Erzeuge oder speichere das Bild noch einmal.",
    "The picture {name} is only {width} x {height} pixels.": "Das Bild {name} hat nur {width} x {height} Pixel.",
    "Give a picture of at least a few hundred pixels.": "Gib ein Bild mit mindestens einigen hundert Pixeln an.",
    "The picture {name} is fully transparent.": "Das Bild {name} ist ganz durchsichtig.",
    "Give one that shows the object.": "Gib eines an, das das Objekt zeigt.",
    "No object stands out from the background of the picture {name}.": (
        "Vor dem Hintergrund des Bildes {name} hebt sich kein Objekt ab."
    ),
    "Give a picture of the object in front of a plain background, or with a transparent one.": (
        "Gib ein Bild des Objekts vor einem einfarbigen oder durchsichtigen Hintergrund an."
    ),
    "The camera file {path} cannot be read.": "Die Kameradatei {path} ist nicht lesbar.",
    "Give the .json file of a guide.": "Gib die .json-Datei einer Malhilfe an.",
    "The camera of {name} does not see the object.": "Die Kamera von {name} sieht das Objekt nicht.",
    "Give the camera that the picture was made with.": "Gib die Kamera an, mit der das Bild gemacht wurde.",
    "The object cannot be seen from the {side}, which {name} shows.": (
        "Das Objekt ist von {side}, wie {name} es zeigt, nicht zu sehen."
    ),
    "Say which side the picture shows, for instance its top.": (
        "Sage, welche Seite das Bild zeigt, zum Beispiel die Oberseite."
    ),
    # Guides
    "Parts of the object lie behind the view.": "Teile des Objekts liegen hinter der Ansicht.",
    "Zoom out until all of it is seen, and try again.": (
        "Verkleinere die Ansicht, bis alles zu sehen ist, und versuche es noch einmal."
    ),
    "A guide is a PNG picture.": "Eine Malhilfe ist ein PNG-Bild.",
    "Give --out a name that ends in .png.": "Gib einen Namen an, der auf .png endet.",
    "The size {size} is outside {low} to {high}.": "Die Größe {size} liegt nicht zwischen {low} und {high}.",
    "Choose another.": "Wähle eine andere.",
    # Meshes
    "The mesh has no usable vertices.": "Das Netz hat keine brauchbaren Vertices.",
    "Choose an object that has faces.": "Wähle ein Objekt, das Flächen hat.",
    "The mesh has no extent: all its points coincide.": "Das Netz hat keine Ausdehnung: alle Punkte fallen zusammen.",
    "The mesh has no surface: all its faces are without area.": (
        "Das Netz hat keine Oberfläche: alle seine Flächen haben den Inhalt null."
    ),
    "Check the object's scale, or export the model again.": (
        "Prüfe die Skalierung des Objekts, oder exportiere das Modell neu."
    ),
    "Check the object's scale.": "Prüfe die Skalierung des Objekts.",
    "No model was given and Blender has no file open.": (
        "Es wurde kein Modell angegeben, und in Blender ist keine Datei offen."
    ),
    "Give one with --mesh FILE, or open a .blend file and name its objects with --object.": (
        "Öffne eine .blend-Datei und wähle Objekte."
    ),
    "No object was given.": "Es wurde kein Objekt angegeben.",
    "The object {name} is gone.": "Das Objekt {name} ist weg.",
    "'{name}' is in {mode}; its shape at this moment was read.": (
        "„{name}“ ist in {mode}; gelesen wurde die Form in diesem Augenblick."
    ),
    "It is left out.": "Es wird ausgelassen.",
    "{reason} It is left out.": "{reason} Es wird ausgelassen.",
    "'{name}' has nothing that is shown.": "An „{name}“ ist nichts zu sehen.",
    "There are {count} objects and instances; at most {most} can be textured at once.": (
        "Es sind {count} Objekte und Instanzen; höchstens {most} gehen auf einmal."
    ),
    "Choose fewer objects.": "Wähle weniger Objekte.",
    "'{name}' has no faces, {what}.": "„{name}“ hat keine Flächen, {what}.",
    "'{name}' has no faces.": "„{name}“ hat keine Flächen.",
    "'{name}' has a broken transform.": "„{name}“ hat eine kaputte Transformation.",
    "Clear its location and scale.": "Setze Position und Skalierung zurück.",
    "'{name}' has a scale of zero.": "„{name}“ hat die Skalierung null.",
    "Give it a scale (N panel > Item).": "Gib ihm eine Skalierung (Seitenleiste > Element).",
    "{count} triangles of '{name}' have a corner without a position; left out.": (
        "{count} Dreiecke von „{name}“ haben eine Ecke ohne Position; ausgelassen."
    ),
    "'{name}' has no face with valid positions.": "„{name}“ hat keine Fläche mit gültigen Positionen.",
    "The scene has no object named '{name}'.": "Die Szene hat kein Objekt namens „{name}“.",
    "'{name}' is hidden.": "„{name}“ ist ausgeblendet.",
    "Show it and its collections in the viewport.": "Blende es und seine Sammlungen im Ansichtsfenster ein.",
    "The scene shows no mesh, only {kinds}.": "Die Szene zeigt kein Netz, nur {kinds}.",
    "Convert a copy to a mesh (Object > Convert > Mesh).": (
        "Wandle eine Kopie in ein Netz um (Objekt > Umwandeln > Netz)."
    ),
    "All meshes of the scene are hidden.": "Alle Netze der Szene sind ausgeblendet.",
    "The scene has no mesh.": "Die Szene hat kein Netz.",
    "Show the object that you want to texture.": "Blende das Objekt ein, das eine Textur bekommen soll.",
    "Add or import one.": "Füge eines hinzu oder importiere eines.",
    "'{name}' is not in the scene '{scene}'.": "„{name}“ ist nicht in der Szene „{scene}“.",
    "Open the scene that holds it, or link it into this one.": (
        "Öffne die Szene, in der es ist, oder verknüpfe es mit dieser."
    ),
    "Did you mean {names}?": "Meintest du {names}?",
    "'{name}' is {kind}, not a mesh.": "„{name}“ ist {kind}, kein Netz.",
    "'{name}' is not a mesh.": "„{name}“ ist kein Netz.",
    "Choose a mesh.": "Wähle ein Netz.",
    "It has {names}.": "Es hat {names}.",
    "It has no mesh at all.": "Es hat gar kein Netz.",
    "A face refers to a vertex that does not exist.": "Eine Fläche bezieht sich auf einen Vertex, den es nicht gibt.",
    "Check or re-export the mesh.": "Prüfe das Netz oder exportiere es neu.",
    "There is nothing to take a picture of.": "Es ist nichts da, was zu sehen wäre.",
    "The objects could not be written to {folder} ({reason}).": (
        "Die Objekte konnten nicht nach {folder} geschrieben werden ({reason})."
    ),
    # UV maps and materials
    "{name}: the UV map {map} cannot be used ({reason}), so it gets a new one named {new}.": (
        "{name}: die UV-Karte {map} ist nicht brauchbar ({reason}), daher bekommt es eine neue namens {new}."
    ),
    "{name}: the UV map {map} cannot be used ({reason}), so {other} is used instead.": (
        "{name}: die UV-Karte {map} ist nicht brauchbar ({reason}), daher wird {other} benutzt."
    ),
    "There is no UV map named {name}.": "Eine UV-Karte namens {name} gibt es nicht.",
    "Use auto, new, keep{names}.": "Nimm auto, new, keep{names}.",
    "{names} have no UV map, so each gets a new one named {new}.": (
        "{names} haben keine UV-Karte, daher bekommt jedes eine neue namens {new}."
    ),
    "{name} has no UV map, so it gets a new one named {new}.": (
        "{name} hat keine UV-Karte, daher bekommt es eine neue namens {new}."
    ),
    "{name}: in the UV map {map}, {reason}; where parts share texels the first one wins.": (
        "{name}: in der UV-Karte {map} gilt: {reason}; wo Teile sich Texel teilen, gewinnt der erste."
    ),
    "The objects' UV maps lie on top of each other, so all move to a new map {new} with one layout.": (
        "Die UV-Karten der Objekte liegen übereinander, daher ziehen alle in eine neue Karte {new} mit einer "
        "Aufteilung."
    ),
    "The objects' UV maps lie on top of each other, so they do not share one texture.": (
        "Die UV-Karten der Objekte liegen übereinander, daher teilen sie sich keine Textur."
    ),
    "'{name}' has a UV map named {map} already, which cannot be used.": (
        "„{name}“ hat schon eine UV-Karte namens {map}, die nicht brauchbar ist."
    ),
    "Rename or remove that map, or choose another one with --uv NAME.": (
        "Benenne diese Karte um, entferne sie, oder wähle eine andere."
    ),
    "'{name}' has {count} UV maps, and Blender allows no more.": (
        "„{name}“ hat {count} UV-Karten, und mehr erlaubt Blender nicht."
    ),
    "Remove one that is not needed (Properties > Data > UV Maps).": (
        "Entferne eine, die nicht gebraucht wird (Eigenschaften > Daten > UV-Karten)."
    ),
    "Leave the current mode and try again.": "Verlasse den jetzigen Modus und versuche es noch einmal.",
    "Blender could not unwrap '{name}'.": "Blender konnte „{name}“ nicht abwickeln.",
    "Unwrap it by hand (UV > Unwrap).": "Wickle es von Hand ab (UV > Abwickeln).",
    "'{name}' is linked from another file and cannot be changed.": (
        "„{name}“ ist aus einer anderen Datei verknüpft und kann nicht geändert werden."
    ),
    "Make it local or create a library override (Object > Relations).": (
        "Mache es lokal, oder erzeuge eine Bibliotheksüberschreibung (Objekt > Beziehungen)."
    ),
    "'{name}' is in Edit Mode.": "„{name}“ ist im Bearbeitungsmodus.",
    "Leave Edit Mode and try again.": "Verlasse den Bearbeitungsmodus und versuche es noch einmal.",
    "The new UV map does not fit '{name}' any more.": "Die neue UV-Karte passt nicht mehr zu „{name}“.",
    "Its faces changed; run the job again.": "Seine Flächen haben sich geändert; führe den Auftrag noch einmal aus.",
    "The colours do not fit '{name}' any more.": "Die Farben passen nicht mehr zu „{name}“.",
    "Its faces changed; run again.": "Seine Flächen haben sich geändert; führe den Auftrag noch einmal aus.",
    "The texture {path} cannot be read.": "Die Textur {path} ist nicht lesbar.",
    "'{name}' has no material slot, and its mesh is linked from another file.": (
        "„{name}“ hat keinen Materialslot, und sein Netz ist aus einer anderen Datei verknüpft."
    ),
    "Make the mesh local (Object > Relations > Make Local).": (
        "Mache das Netz lokal (Objekt > Beziehungen > Lokal machen)."
    ),
    "Modifiers of '{name}' give it the material {material}, which stays; faces that have it do not show the texture.": (
        "Modifikatoren von „{name}“ geben ihm das Material {material}, das bleibt; Flächen damit zeigen die Textur "
        "nicht."
    ),
    "The material '{name}' has no shader with a colour of its own; a Principled BSDF shows the texture.": (
        "Das Material „{name}“ hat keinen Shader mit eigener Farbe; ein Principled BSDF zeigt die Textur."
    ),
    "'{name}' has no UV map named {map}.": "„{name}“ hat keine UV-Karte namens {map}.",
    "It was renamed or removed; run again.": "Sie wurde umbenannt oder entfernt; führe den Auftrag noch einmal aus.",
    "The material '{name}' is linked, used elsewhere too, or not made of plain shaders; a copy of it shows the "
    "texture.": (
        "Das Material „{name}“ ist verknüpft, wird auch anderswo benutzt oder besteht nicht aus einfachen Shadern; "
        "eine Kopie zeigt die Textur."
    ),
    # Rendering
    "Blender is rendering.": "Blender rendert gerade.",
    "Wait until the render is done.": "Warte, bis das Rendern fertig ist.",
    "EEVEE can tell apart {count} objects.": "EEVEE kann {count} Objekte unterscheiden.",
    "Use Cycles for the passes.": "Nimm Cycles für die Durchgänge.",
    "The renderer delivers no positions: the pass is the same everywhere.": (
        "Der Renderer liefert keine Positionen: der Durchgang ist überall gleich."
    ),
    "Cycles is switched off.": "Cycles ist ausgeschaltet.",
    "Enable it in Preferences > Add-ons.": "Schalte es unter Einstellungen > Add-ons ein.",
    "Blender rendered {name} but wrote no file.": "Blender hat {name} gerendert, aber keine Datei geschrieben.",
    "Cycles finds no graphics card that it can use.": "Cycles findet keine Grafikkarte, die es benutzen kann.",
    "Render the passes on the CPU.": "Rendere die Durchgänge auf dem Prozessor.",
    "Blender could not render {name}: {reason}.": "Blender konnte {name} nicht rendern: {reason}.",
    "This Blender has no render engine named {name}.": "Dieser Blender hat keine Render-Engine namens {name}.",
    "This Blender was built without FFmpeg.": "Dieser Blender wurde ohne FFmpeg gebaut.",
    "Use an official build, or do without video.": "Nimm eine offizielle Ausgabe, oder verzichte auf das Video.",
    "{name} did not come out.": "{name} ist nicht zustande gekommen.",
    "This Blender has no exporter for .glb files.": "Dieser Blender kann keine .glb-Dateien exportieren.",
    "Enable 'glTF 2.0 format' in Preferences > Add-ons.": (
        "Schalte „glTF 2.0 format“ unter Einstellungen > Add-ons ein."
    ),
    "Videos need imageio-ffmpeg, which is not installed.": "Videos brauchen imageio-ffmpeg, das nicht installiert ist.",
    "Install the engine.": "Installiere die Engine.",
    "{name} could not be encoded.": "{name} konnte nicht kodiert werden.",
    "Render the passes again.": "Rendere die Durchgänge noch einmal.",
    "Render the passes first.": "Rendere zuerst die Durchgänge.",
    "Render the passes again, with Cycles if another renderer was chosen.": (
        "Rendere die Durchgänge noch einmal, mit Cycles, wenn ein anderer Renderer gewählt war."
    ),
    "{path} is not a whole EXR file ({reason}).": "{path} ist keine vollständige EXR-Datei ({reason}).",
    "{path} is an EXR file of a kind that is not read here: {reason}.": (
        "{path} ist eine EXR-Datei einer Art, die hier nicht gelesen wird: {reason}."
    ),
    "Save it with codec ZIP.": "Speichere sie mit dem Codec ZIP.",
    "The passes in {folder} have format {other}, this program reads format {own}.": (
        "Die Durchgänge in {folder} haben Format {other}, dieses Programm liest Format {own}."
    ),
    "{folder} holds no rendered passes.": "{folder} enthält keine gerenderten Durchgänge.",
    "View {number} is missing: {path}.": "Ansicht {number} fehlt: {path}.",
    "The position or object pass of view {number} is empty: {path}.": (
        "Der Positions- oder Objektdurchgang von Ansicht {number} ist leer: {path}."
    ),
    "View {number} has {width} x {height} pixels instead of {wanted_width} x {wanted_height}: {path}.": (
        "Ansicht {number} hat {width} x {height} Pixel statt {wanted_width} x {wanted_height}: {path}."
    ),
    "{path} lacks the channel {name}.": "{path} fehlt der Kanal {name}.",
    # Frames and textures
    "The frames in {folder} cannot be read ({reason}).": "Die Bilder in {folder} sind nicht lesbar ({reason}).",
    "Run 'paint' again.": "Male noch einmal.",
    "Run 'paint' first.": "Male zuerst.",
    "Run 'passes' again.": "Rendere die Durchgänge noch einmal.",
    "Baking needs about {wanted} GB of memory and {free} GB may be used.": (
        "Das Backen braucht etwa {wanted} GB Arbeitsspeicher, und {free} GB dürfen benutzt werden."
    ),
    "Use smaller textures or fewer views, or close other programs.": (
        "Nimm kleinere Texturen oder weniger Ansichten, oder schließe andere Programme."
    ),
    "The voxel grid was lowered from {grid} to {lower}, because {free} GB of memory may be used.": (
        "Das Voxelgitter wurde von {grid} auf {lower} verkleinert, weil {free} GB Arbeitsspeicher benutzt werden "
        "dürfen."
    ),
    "No view sees any of the surface.": "Keine Ansicht sieht etwas von der Oberfläche.",
    "Check that the object has faces, and that the frames show it.": (
        "Prüfe, ob das Objekt Flächen hat und die Bilder es zeigen."
    ),
    "There are no frames.": "Es gibt keine Bilder.",
    "There are {count} frames.": "Es gibt {count} Bilder.",
    "Use at most 255 frames and references.": "Nimm höchstens 255 Bilder und Vorlagen.",
    "{count} of {all} frames show nothing of the object and were left out.": (
        "{count} von {all} Bildern zeigen nichts vom Objekt und wurden ausgelassen."
    ),
    "Frame {number} is an array of {kind} {shape}.": "Bild {number} ist ein Feld aus {kind} {shape}.",
    "Frames are 8 or 16 bit and have four channels.": "Bilder haben 8 oder 16 Bit und vier Kanäle.",
    "The camera of frame {number} has values that are not numbers.": (
        "Die Kamera von Bild {number} hat Werte, die keine Zahlen sind."
    ),
    "{path} cannot be used: {reason}.": "{path} ist nicht brauchbar: {reason}.",
    "Write it again with this program.": "Schreibe sie noch einmal mit diesem Programm.",
    "A voxel grid of {size} is not possible.": "Ein Voxelgitter von {size} ist nicht möglich.",
    "Choose 16 to 1024.": "Wähle 16 bis 1024.",
    "The voxels cannot be written: {reason}.": "Die Voxel können nicht geschrieben werden: {reason}.",
    "Change the request.": "Ändere die Anfrage.",
    "Write it again.": "Schreibe sie noch einmal.",
    "This .vxz uses zstd compression, which needs the Python package zstandard.": (
        "Diese .vxz ist mit zstd komprimiert; das braucht das Python-Paket zstandard."
    ),
    "Install zstandard, or use lzma compression.": "Installiere zstandard, oder nimm die Kompression lzma.",
    "The outline of {name} matches only {share} of the object's seen from {side}: is it a picture of it?": (
        "Der Umriss von {name} deckt sich nur zu {share} mit dem des Objekts von {side}: ist es ein Bild davon?"
    ),
    # What is being done
    "drawing the guide": "zeichnet die Malhilfe",
    "passes done": "Durchgänge fertig",
    "view {number} of {count}": "Ansicht {number} von {count}",
    "{count} views": "{count} Ansichten",
    "saving frame {number} of {count}": "speichert Bild {number} von {count}",
    "read {name}": "{name} gelesen",
    "reading {name}": "liest {name}",
    "reading the passes of view {number}": "liest die Durchgänge von Ansicht {number}",
    "painted": "gemalt",
    "step {number} of {count}": "Schritt {number} von {count}",
    "encoding the passes": "kodiert die Durchgänge",
    "cutting out the reference": "schneidet die Vorlage aus",
    "reference prepared": "Vorlage vorbereitet",
    "continuing the colours": "führt die Farben fort",
    "examining the surface": "untersucht die Oberfläche",
    "examining the reference": "untersucht die Vorlage",
    "continuing the texture": "führt die Textur fort",
    "aligning the reference": "richtet die Vorlage aus",
    "painting view 1 of {count}": "malt Ansicht 1 von {count}",
    "painting view {number} of {count}": "malt Ansicht {number} von {count}",
    "contact sheet": "Kontaktbogen",
    "contact sheet, view {number}": "Kontaktbogen, Ansicht {number}",
    "video frame {number}": "Videobild {number}",
    "writing the model": "schreibt das Modell",
    "writing the .blend": "schreibt die .blend-Datei",
    "writing the .glb": "schreibt die .glb-Datei",
    "saving {name}": "speichert {name}",
    "coverage of {name}": "Abdeckung von {name}",
    "aligning frames": "richtet die Bilder aneinander aus",
    "aligning frame {number} of {count}": "richtet Bild {number} von {count} aus",
    "views": "Ansichten",
    "fused": "verschmolzen",
    "margins": "Ränder",
    "sampling views": "tastet Ansichten ab",
    "unwrapping": "wickelt ab",
    "colours of corners": "Farben der Ecken",
    "view selection": "wählt Ansichten",
    "view selection, sweep {number}": "wählt Ansichten, Durchlauf {number}",
    "voxels": "Voxel",
    "still": "Standbild",
    "turntable": "Drehvideo",
    "turntable, video": "Drehvideo, Film",
    "turntable, frame {number} of {count}": "Drehvideo, Bild {number} von {count}",
    "kept from the earlier run": "vom früheren Lauf behalten",
}
