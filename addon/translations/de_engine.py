# SPDX-License-Identifier: GPL-3.0-or-later
"""German: what the engine, its installer and the model store say (sentences.py)."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    # The environment
    "Choose a folder that you may write to in the preferences, or with --root.": (
        "Wähle in den Einstellungen einen Ordner, in den du schreiben darfst."
    ),
    "The disk became full.": "Der Datenträger ist voll geworden.",
    "Free some space and install again: what was fetched is kept.": (
        "Schaffe Platz und installiere noch einmal: was geladen wurde, bleibt erhalten."
    ),
    "A downloaded package is not the one that was checked when this version was made.": (
        "Ein geladenes Paket ist nicht das, das für diese Version geprüft wurde."
    ),
    "Try again; if it stays so, something between you and the package index changes files: tell its keeper.": (
        "Versuche es noch einmal; bleibt es so, verändert etwas zwischen dir und dem Paketverzeichnis Dateien: sage "
        "es dem Betreiber."
    ),
    "A file name became longer than the system allows.": "Ein Dateiname wurde länger, als das System erlaubt.",
    "Choose an engine folder with a shorter path.": "Wähle einen Engine-Ordner mit kürzerem Pfad.",
    "Security software blocked a file.": "Ein Schutzprogramm hat eine Datei gesperrt.",
    "Allow the engine folder in your security software, then press Repair.": (
        "Erlaube den Engine-Ordner in deinem Schutzprogramm und drücke Reparieren."
    ),
    "A file may not be written.": "Eine Datei darf nicht geschrieben werden.",
    "The connection to the package index is not trusted.": "Der Verbindung zum Paketverzeichnis wird nicht vertraut.",
    "Behind a company proxy, set SSL_CERT_FILE to its certificate; check the computer's clock.": (
        "Hinter einem Firmen-Proxy setze SSL_CERT_FILE auf sein Zertifikat; prüfe die Uhr des Rechners."
    ),
    "The proxy refused the connection.": "Der Proxy hat die Verbindung abgelehnt.",
    "Check HTTPS_PROXY, or install from a folder that was made on another computer.": (
        "Prüfe HTTPS_PROXY, oder installiere aus einem Ordner, der auf einem anderen Rechner gemacht wurde."
    ),
    "The package index asks to wait.": "Das Paketverzeichnis bittet zu warten.",
    "Wait a few minutes and install again.": "Warte einige Minuten und installiere noch einmal.",
    "There is no package for this system.": "Für dieses System gibt es kein Paket.",
    "Check that the system is 64 bit and not older than Windows 10, macOS 14 or glibc 2.28.": (
        "Prüfe, ob das System 64 Bit hat und nicht älter ist als Windows 10, macOS 14 oder glibc 2.28."
    ),
    "A package is not where it was looked for.": "Ein Paket ist nicht da, wo es gesucht wurde.",
    "Online: check the index. From a folder: make the folder again with 'environment bundle'.": (
        "Mit Verbindung: prüfe das Verzeichnis. Aus einem Ordner: erstelle ihn neu mit „environment bundle“."
    ),
    "There is no Python 3.11 here, and none could be fetched.": (
        "Hier gibt es kein Python 3.11, und es konnte keines geladen werden."
    ),
    "Allow the connection, or install Python 3.11 and give it with --python.": (
        "Erlaube die Verbindung, oder installiere Python 3.11."
    ),
    "The package index cannot be reached.": "Das Paketverzeichnis ist nicht erreichbar.",
    "Check the connection and install again: what was fetched is kept. Without one, install from a folder.": (
        "Prüfe die Verbindung und installiere noch einmal: was geladen wurde, bleibt erhalten. Ohne Verbindung "
        "installiere aus einem Ordner."
    ),
    "{what} ended with status {status}.": "{what} endete mit Status {status}.",
    "Try again; if it stays so, report the log {path}.": (
        "Versuche es noch einmal; bleibt es so, melde das Protokoll {path}."
    ),
    "{reason} The log is {path}.": "{reason} Das Protokoll ist {path}.",
    "There is no folder {path}.": "Es gibt keinen Ordner {path}.",
    "There is no engine for the device {device} on {system}.": (
        "Für das Gerät {device} gibt es auf {system} keine Engine."
    ),
    "Devices here: {names}. The projection engine needs none.": (
        "Geräte hier: {names}. Die Engine Projektion braucht keines."
    ),
    "AMD's compute driver is not loaded.": "AMDs Rechentreiber ist nicht geladen.",
    "Install ROCm, or choose another device.": "Installiere ROCm, oder wähle ein anderes Gerät.",
    "Install the driver, or choose another device.": "Installiere den Treiber, oder wähle ein anderes Gerät.",
    "The NVIDIA driver knows CUDA {version}, and {wanted} is needed.": (
        "Der NVIDIA-Treiber kennt CUDA {version}, und {wanted} wird gebraucht."
    ),
    "Install driver {version} or newer, or choose the device cpu.": (
        "Installiere Treiber {version} oder neuer, oder wähle das Gerät cpu."
    ),
    "The new engine does not work on this machine.": "Die neue Engine läuft auf diesem Rechner nicht.",
    "Update the graphics driver, or install for the device cpu. The log is {path}.": (
        "Aktualisiere den Grafiktreiber, oder installiere für das Gerät cpu. Das Protokoll ist {path}."
    ),
    "There is no earlier engine.": "Es gibt keine frühere Engine.",
    "Use Repair or Update.": "Benutze Reparieren oder Aktualisieren.",
    "{path} holds no Python 3.11.": "{path} enthält kein Python 3.11.",
    "Make the bundle again.": "Erstelle das Bündel neu.",
    "{path} is not as its package says.": "{path} ist nicht, wie sein Paket es angibt.",
    "Check the disk, then press Repair.": "Prüfe den Datenträger und drücke Reparieren.",
    "Installing again: {names}.": "Wird neu installiert: {names}.",
    "The installation was stopped.": "Die Installation wurde angehalten.",
    "Install again to continue; what was fetched is kept.": (
        "Installiere noch einmal, um weiterzumachen; was geladen wurde, bleibt erhalten."
    ),
    "Another installer is running.": "Eine andere Installation läuft.",
    "Wait for it to end, or stop it.": "Warte, bis sie fertig ist, oder halte sie an.",
    "{path} holds other files, or links that lead elsewhere.": (
        "{path} enthält andere Dateien oder Verknüpfungen, die woandershin führen."
    ),
    "Choose an empty folder for engines and models.": "Wähle einen leeren Ordner für Engines und Modelle.",
    "Allow Online Access is off, so nothing can be fetched.": (
        "„Online-Zugriff erlauben“ ist aus, daher kann nichts geladen werden."
    ),
    "Turn it on in Preferences > System, or install from a folder.": (
        "Schalte es unter Einstellungen > System ein, oder installiere aus einem Ordner."
    ),
    "{path} needs about {wanted} GB more and has {free} GB free.": (
        "{path} braucht noch etwa {wanted} GB und hat {free} GB frei."
    ),
    "Free some space or choose a folder on another disk.": (
        "Schaffe Platz, oder wähle einen Ordner auf einem anderen Datenträger."
    ),
    "The folder holds an engine for {device}, not for {wanted}.": (
        "Der Ordner enthält eine Engine für {device}, nicht für {wanted}."
    ),
    "Choose that device, or make another bundle.": "Wähle dieses Gerät, oder erstelle ein anderes Bündel.",
    "The folder was made with another version of Orbit Painter.": (
        "Der Ordner wurde mit einer anderen Version von Orbit Painter gemacht."
    ),
    "Make it again with this version ('environment bundle').": (
        "Erstelle ihn mit dieser Version neu („environment bundle“)."
    ),
    "The engine for {device} here is declared and has not been tried.": (
        "Die Engine für {device} ist hier vorgesehen und nicht erprobt."
    ),
    "The engine folder's path has more than {count} characters; files in it may become too long.": (
        "Der Pfad des Engine-Ordners hat mehr als {count} Zeichen; Dateien darin können zu lange Namen bekommen."
    ),
    "Choose a new folder.": "Wähle einen neuen Ordner.",
    "Choose a shorter folder.": "Wähle einen kürzeren Ordner.",
    "The engine folder looks like one that is copied to the cloud; several gigabytes would be.": (
        "Der Engine-Ordner scheint einer zu sein, der in die Cloud kopiert wird; es wären mehrere Gigabyte."
    ),
    "Choose a folder that is not.": "Wähle einen, der es nicht wird.",
    "The folder {path} cannot be looked at ({reason}).": "Der Ordner {path} ist nicht lesbar ({reason}).",
    "Choose a folder that you may write to.": "Wähle einen Ordner, in den du schreiben darfst.",
    "Left in place, because the installer did not make it: {names}.": (
        "Blieb stehen, weil die Installation es nicht gemacht hat: {names}."
    ),
    "{path} is not a folder that the installer made, or has links that lead elsewhere.": (
        "{path} ist kein Ordner der Installation oder hat Verknüpfungen, die woandershin führen."
    ),
    "Nothing was deleted; delete it yourself if you are sure.": (
        "Nichts wurde gelöscht; lösche es selbst, wenn du sicher bist."
    ),
    "Make it again with 'environment bundle' on a computer with a connection.": (
        "Erstelle es neu mit „environment bundle“ auf einem Rechner mit Verbindung."
    ),
    "{path} was made by another version of Orbit Painter.": (
        "{path} wurde von einer anderen Version von Orbit Painter gemacht."
    ),
    "The bundle is for {wanted}, this is {system}.": "Das Bündel ist für {wanted}, dies ist {system}.",
    "{path} holds neither a bundle nor wheels.": "{path} enthält weder ein Bündel noch Pakete.",
    "{path} cannot be read.": "{path} ist nicht lesbar.",
    "{path} is missing or damaged.": "{path} fehlt oder ist beschädigt.",
    "Copy the folder again.": "Kopiere den Ordner noch einmal.",
    "The last installation was interrupted.": "Die letzte Installation wurde unterbrochen.",
    "Install again to continue.": "Installiere noch einmal, um weiterzumachen.",
    "No engine is installed.": "Es ist keine Engine installiert.",
    "Install it here, or with 'environment install'.": "Installiere sie hier, oder mit „environment install“.",
    "The engine is damaged.": "Die Engine ist beschädigt.",
    "Press Repair, or run 'environment repair'.": "Drücke Reparieren.",
    "The engine was installed for another version of Orbit Painter.": (
        "Die Engine wurde für eine andere Version von Orbit Painter installiert."
    ),
    "Press Update; the old engine works until the new one is ready.": (
        "Drücke Aktualisieren; die alte Engine arbeitet, bis die neue fertig ist."
    ),
    "The installer uv is not here, and this Python has no pip to fetch it with.": (
        "Das Installationsprogramm uv fehlt, und dieses Python hat kein pip, um es zu laden."
    ),
    "Install uv (docs.astral.sh/uv) and give its path in the preferences, or with --uv.": (
        "Installiere uv (docs.astral.sh/uv) und gib seinen Pfad in den Einstellungen an."
    ),
    "{path} is not a working uv.": "{path} ist kein brauchbares uv.",
    "Give the path of uv, or leave it out.": "Gib den Pfad von uv an, oder lass ihn weg.",
    "Part of the engine is missing.": "Ein Teil der Engine fehlt.",
    "Repair the engine in the preferences.": "Repariere die Engine in den Einstellungen.",
    "Look at the engine in the preferences.": "Sieh dir die Engine in den Einstellungen an.",
    "The extension speaks protocol {theirs} and the engine {ours}: their versions do not match.": (
        "Die Erweiterung spricht Protokoll {theirs} und die Engine {ours}: ihre Versionen passen nicht zusammen."
    ),
    "The engine and the extension are of different versions.": "Engine und Erweiterung haben verschiedene Versionen.",
    "Update the engine in the preferences.": "Aktualisiere die Engine in den Einstellungen.",
    # Models
    "There is no model named {name}.": "Ein Modell namens {name} gibt es nicht.",
    "Models: {names}.": "Modelle: {names}.",
    "Read its model card before you pass it on: its repository carries no licence file.": (
        "Lies seine Beschreibung, bevor du es weitergibst: sein Archiv enthält keine Lizenzdatei."
    ),
    "Encodes the two fixed texts, once: it can be removed after the first run.": (
        "Kodiert einmal die zwei festen Texte: nach dem ersten Lauf kann es entfernt werden."
    ),
    "Goes with the text encoder.": "Gehört zum Textkodierer.",
    "Stands for all the others.": "Steht für alle anderen.",
    "{name}: {size} in {count} files from {source} to {folder}. Licence: {licence}. {note} SHA-256 known "
    "beforehand for {known} of {all} files.": (
        "{name}: {size} in {count} Dateien von {source} nach {folder}. Lizenz: {licence}. {note} SHA-256 vorher "
        "bekannt für {known} von {all} Dateien."
    ),
    "{name} is not downloaded but made.": "{name} wird nicht geladen, sondern gemacht.",
    "See 'models convert'.": "Siehe „models convert“.",
    "Together {size}.": "Zusammen {size}.",
    "{question}? Nobody can be asked here.": "{question}? Hier kann niemand gefragt werden.",
    "Read the above and add --yes.": "Lies das Obige und füge --yes hinzu.",
    "Nothing was done.": "Nichts wurde getan.",
    "Run 'models download {name}': sound files are kept.": "Lade {name} noch einmal: gute Dateien bleiben erhalten.",
    "There is no {name} to convert.": "Es ist kein {name} zum Umwandeln da.",
    "Download or add the models first, or name the files (see 'models convert --help').": (
        "Lade die Modelle zuerst oder füge sie hinzu."
    ),
    "Converting needs the engine.": "Das Umwandeln braucht die Engine.",
    "Run 'environment install' first.": "Installiere sie zuerst.",
    "Converting ended with status {status}: {reason}.": "Das Umwandeln endete mit Status {status}: {reason}.",
    "Please report it.": "Bitte melde es.",
    "{host} answered {reason}.": "{host} antwortete {reason}.",
    "Try again later.": "Versuche es später noch einmal.",
    "{path} has {bytes} bytes, and {wanted} were announced.": (
        "{path} hat {bytes} Bytes, und {wanted} waren angekündigt."
    ),
    "Download it again.": "Lade es noch einmal.",
    "{address} is not an https address.": "{address} ist keine https-Adresse.",
    "Check the endpoint.": "Prüfe die Adresse.",
    "{host} does not give this file to everybody.": "{host} gibt diese Datei nicht jedem.",
    "Accept the licence on the model's page, and set HF_TOKEN to a token that may read it.": (
        "Nimm auf der Seite des Modells die Lizenz an, und setze HF_TOKEN auf einen Schlüssel, der es lesen darf."
    ),
    "{path} is not there any more.": "{path} gibt es nicht mehr.",
    "Look for a newer Orbit Painter.": "Suche nach einem neueren Orbit Painter.",
    "{path} is not what was announced (SHA-256 {found}..., not {wanted}...).": (
        "{path} ist nicht, was angekündigt war (SHA-256 {found}..., nicht {wanted}...)."
    ),
    "Download it again; if it stays so, something between you and the hub changes files.": (
        "Lade es noch einmal; bleibt es so, verändert etwas zwischen dir und der Quelle Dateien."
    ),
    "The connection to {host} is not trusted.": "Der Verbindung zu {host} wird nicht vertraut.",
    "{host} cannot be reached ({reason}).": "{host} ist nicht erreichbar ({reason}).",
    "Check the connection and run the command again: what was fetched is kept.": (
        "Prüfe die Verbindung und versuche es noch einmal: was geladen wurde, bleibt erhalten."
    ),
    "Turn it on in Preferences > System, or use 'models add' with a folder you have.": (
        "Schalte es unter Einstellungen > System ein, oder füge einen Ordner hinzu, den du hast."
    ),
    "{name} is being downloaded already.": "{name} wird schon geladen.",
    "Wait for it.": "Warte darauf.",
    "{host} has no files of {name} any more.": "{host} hat keine Dateien von {name} mehr.",
    "Look for a newer Orbit Painter, or add a folder that you have ('models add').": (
        "Suche nach einem neueren Orbit Painter, oder füge einen Ordner hinzu, den du hast."
    ),
    "Check the connection, or add a folder you have.": (
        "Prüfe die Verbindung, oder füge einen Ordner hinzu, den du hast."
    ),
    "{host} has no such repository, or does not show it to everybody ({reason}).": (
        "{host} hat kein solches Archiv, oder zeigt es nicht jedem ({reason})."
    ),
    "The engine {engine} lacks models of {name}: {names}.": "Der Engine {engine} fehlen Modelle von {name}: {names}.",
    "Run 'models download {engine}', or 'models add FOLDER' for some you have.": (
        "Lade in den Einstellungen alles für {engine}, oder füge einen Ordner hinzu, den du hast."
    ),
    "{path} holds no known model.": "{path} enthält kein bekanntes Modell.",
    "Looked for: {names}.": "Gesucht wurde: {names}.",
    "{name} is not here.": "{name} ist nicht da.",
    "Run 'models download {name}'.": "Lade {name} in den Einstellungen.",
    "{path} is a link.": "{path} ist eine Verknüpfung.",
    "Nothing was deleted; delete it yourself.": "Nichts wurde gelöscht; lösche es selbst.",
    # OrbitPainter
    "There is no attention named {name}.": "Eine Attention namens {name} gibt es nicht.",
    "Use auto, fastest, {names}.": "Nimm auto, fastest, {names}.",
    "The attention {name} cannot be used here ({reason}); PyTorch's own is used.": (
        "Die Attention {name} ist hier nicht brauchbar ({reason}); benutzt wird die von PyTorch."
    ),
    "{path} does not hold a Wan transformer.": "{path} enthält keinen Wan-Transformer.",
    "Choose the file of the right model.": "Wähle die Datei des richtigen Modells.",
    "{name} in {path} is of shape {shape} and does not fit {count} input channels.": (
        "{name} in {path} hat die Form {shape} und passt nicht zu {count} Eingangskanälen."
    ),
    "{first} and {second} in {path} are the same weight.": "{first} und {second} in {path} sind dasselbe Gewicht.",
    "Keep one.": "Behalte eines.",
    "Frames of {width} x {height} pixels cannot be painted by OrbitPainter.": (
        "Bilder von {width} x {height} Pixeln kann OrbitPainter nicht malen."
    ),
    "Use a size that is a multiple of {step}; it was trained with 512.": (
        "Nimm eine Größe, die ein Vielfaches von {step} ist; trainiert wurde mit 512."
    ),
    "There is no view to paint.": "Es gibt keine Ansicht zu malen.",
    "Ask for at least one orbit.": "Verlange mindestens eine Umlaufbahn.",
    "{path} is there already.": "{path} gibt es schon.",
    "Give the tokenizer's folder.": "Gib den Ordner des Tokenizers an.",
    "{path} could not be written ({reason}).": "{path} konnte nicht geschrieben werden ({reason}).",
    "Free some space.": "Schaffe Platz.",
    "OrbitPainter does not run on {device}.": "OrbitPainter läuft nicht auf {device}.",
    "Use auto, cuda, mps or cpu.": "Nimm auto, cuda, mps oder cpu.",
    "There is no device named {name}.": "Ein Gerät namens {name} gibt es nicht.",
    "Use auto, cuda, cuda:1, mps or cpu.": "Nimm auto, cuda, cuda:1, mps oder cpu.",
    "There is no GPU {number}.": "Es gibt keine Grafikkarte {number}.",
    "Use the device auto.": "Nimm das Gerät auto.",
    "There is no Apple GPU here.": "Hier gibt es keine Apple-Grafikkarte.",
    "The engine orbitpainter needs {names}, which this Python does not have.": (
        "Die Engine orbitpainter braucht {names}, was dieses Python nicht hat."
    ),
    "Install the engine environment: 'environment install', or the button in the preferences.": (
        "Installiere die Engine mit dem Knopf in den Einstellungen."
    ),
    "The memory of {device} was full with the memory profile {profile}; the run was started again with {other}.": (
        "Der Speicher von {device} war mit dem Speicherprofil {profile} voll; es wurde mit {other} neu begonnen."
    ),
    "The memory of {device} is full, with the memory profile {profile} too.": (
        "Der Speicher von {device} ist auch mit dem Speicherprofil {profile} voll."
    ),
    "Close other programs, use fewer or smaller views, or set memory to a smaller number.": (
        "Schließe andere Programme, nimm weniger oder kleinere Ansichten, oder stelle einen kleineren Speicher ein."
    ),
    "A video of {count} frames cannot be encoded; the network needs {step} k + 1 frames.": (
        "Ein Video aus {count} Bildern kann nicht kodiert werden; das Netzwerk braucht {step} k + 1 Bilder."
    ),
    "Use orbits of a multiple of {step} views, for instance {first} or {second}.": (
        "Nimm Umlaufbahnen mit einem Vielfachen von {step} Ansichten, zum Beispiel {first} oder {second}."
    ),
    "{path} lacks weights of an OrbitPainter expert: {names}.": (
        "{path} fehlen Gewichte eines OrbitPainter-Experten: {names}."
    ),
    "Finish the download, or choose high_noise.safetensors or low_noise.safetensors.": (
        "Lade zu Ende, oder wähle high_noise.safetensors oder low_noise.safetensors."
    ),
    "{path} has no LoRA pair for the alpha of {name}.": "{path} hat kein LoRA-Paar zum Alpha von {name}.",
    "{count} weight{ending} of {path} left out: {names}.": (
        "{count} Gewichte ({ending}) von {path} ausgelassen: {names}."
    ),
    "{path} has only one half of the LoRA of {name}.": "{path} hat nur eine Hälfte des LoRA von {name}.",
    "The halves of the LoRA of {name} in {path} do not fit: {first} and {second}.": (
        "Die Hälften des LoRA von {name} in {path} passen nicht: {first} und {second}."
    ),
    "{path} changes weights that this model does not have: {names}.": (
        "{path} ändert Gewichte, die dieses Modell nicht hat: {names}."
    ),
    "Choose a LoRA made for Wan 14B.": "Wähle ein LoRA für Wan 14B.",
    "{path} holds {name}, which is no part of a LoRA.": "{path} enthält {name}, was nicht zu einem LoRA gehört.",
    "Choose a LoRA file.": "Wähle eine LoRA-Datei.",
    "{path} holds no ViTMatte model ({reason}).": "{path} enthält kein ViTMatte-Modell ({reason}).",
    "Correct the option matting, or set it to off.": "Berichtige die Option matting, oder setze sie auf off.",
    "The orbitpainter engine has no option named {name}.": "Die Engine orbitpainter hat keine Option namens {name}.",
    "OrbitPainter needs {gpu} GB of free GPU memory and {ram} GB of free RAM for this job; {free_gpu} GB and "
    "{free_ram} GB are free.": (
        "OrbitPainter braucht für diesen Auftrag {gpu} GB freien Grafikspeicher und {ram} GB freien Arbeitsspeicher; "
        "frei sind {free_gpu} GB und {free_ram} GB."
    ),
    "Close other programs, use fewer or smaller views, or paint with the engine projection.": (
        "Schließe andere Programme, nimm weniger oder kleinere Ansichten, oder male mit der Engine Projektion."
    ),
    "{path} holds the embeddings of other texts.": "{path} enthält die Einbettungen anderer Texte.",
    "Delete it.": "Lösche es.",
    "{path} is no file of prompt embeddings ({reason}).": "{path} ist keine Datei mit Texteinbettungen ({reason}).",
    "Delete it; it is made again.": "Lösche sie; sie wird neu gemacht.",
    "{path} holds values that are not numbers.": "{path} enthält Werte, die keine Zahlen sind.",
    "{name} shows the object from {side}; OrbitPainter was trained with pictures from the front and the sides.": (
        "{name} zeigt das Objekt von {side}; OrbitPainter wurde mit Bildern von vorn und von den Seiten trainiert."
    ),
    "{path} holds no tokenizer ({reason}).": "{path} enthält keinen Tokenizer ({reason}).",
    "A second device was asked for with the memory profile {profile}, which moves experts around.": (
        "Ein zweites Gerät wurde mit dem Speicherprofil {profile} verlangt, das Experten hin und her schiebt."
    ),
    "Leave out more_devices, or use a profile that keeps both experts on the device (80).": (
        "Lass more_devices weg, oder nimm ein Profil, das beide Experten auf dem Gerät behält (80)."
    ),
    "These weights have no geometry-aware attention: they were made for the mode release.": (
        "Diese Gewichte haben keine geometriebewusste Attention: sie sind für den Modus release gemacht."
    ),
    "OrbitPainter paints from one reference; only {name} was used.": (
        "OrbitPainter malt nach einer Vorlage; nur {name} wurde benutzt."
    ),
    "The network is not compiled, because a small test could not be ({reason}); it runs a little slower.": (
        "Das Netzwerk wird nicht kompiliert, weil ein kleiner Test es nicht konnte ({reason}); es läuft etwas "
        "langsamer."
    ),
    "Download it again, or run the check of the model store.": "Lade es noch einmal, oder prüfe die Modelle.",
    "The folder {path} holds no .safetensors, .pth or .gguf file.": (
        "Der Ordner {path} enthält keine .safetensors-, .pth- oder .gguf-Datei."
    ),
    "Correct the path.": "Berichtige den Pfad.",
    "{path} is of no known kind of weights.": "{path} ist keine bekannte Art von Gewichten.",
    "Use .safetensors, .pth or .gguf files.": "Nimm .safetensors-, .pth- oder .gguf-Dateien.",
    "{path} is cut short or damaged ({reason}).": "{path} ist abgeschnitten oder beschädigt ({reason}).",
    "There are no weights at {path}.": "In {path} sind keine Gewichte.",
    "Download them or correct the path.": "Lade sie, oder berichtige den Pfad.",
    "{path} named by {other} is not there.": "{path}, das {other} nennt, ist nicht da.",
    "Finish the download.": "Lade zu Ende.",
    "{path} holds no table of tensors.": "{path} enthält keine Tabelle von Tensoren.",
    "Choose the model's weight file.": "Wähle die Gewichtsdatei des Modells.",
    "{path} holds weights that this model does not have: {names}.": (
        "{path} enthält Gewichte, die dieses Modell nicht hat: {names}."
    ),
    "{path} lacks weights of this model: {names}.": "{path} fehlen Gewichte dieses Modells: {names}.",
    "Finish the download, or choose the file of the right model.": (
        "Lade zu Ende, oder wähle die Datei des richtigen Modells."
    ),
    "{name} in {path} is of shape {shape}, and the model needs {wanted}.": (
        "{name} in {path} hat die Form {shape}, und das Modell braucht {wanted}."
    ),
    "{name} in {path} holds values that are not numbers; the file is damaged.": (
        "{name} in {path} enthält Werte, die keine Zahlen sind; die Datei ist beschädigt."
    ),
    "{path} is not a list of weight files.": "{path} ist keine Liste von Gewichtsdateien.",
    "{path} holds more than tensors or is damaged, and is not opened because it could run a program.": (
        "{path} enthält mehr als Tensoren oder ist beschädigt, und wird nicht geöffnet, weil es ein Programm "
        "ausführen könnte."
    ),
    "Use a .safetensors file of the same model.": "Nimm eine .safetensors-Datei desselben Modells.",
    "{path} is a GGUF file, and the package gguf, which reads such files, is not installed.": (
        "{path} ist eine GGUF-Datei, und das Paket gguf, das solche Dateien liest, ist nicht installiert."
    ),
    "Install gguf into the environment of the engine, or use the .safetensors files of the model.": (
        "Installiere gguf in die Umgebung der Engine, oder nimm die .safetensors-Dateien des Modells."
    ),
    "{name} is stored in {path} and in {other}.": "{name} ist in {path} und in {other} gespeichert.",
    "Keep the files of one model only in {path}.": "Behalte die Dateien eines Modells nur in {path}.",
    "The front view does not show the object.": "Die Vorderansicht zeigt das Objekt nicht.",
    "Check the object.": "Prüfe das Objekt.",
    "The image model in {path} takes no control picture, so it could not follow the object.": (
        "Das Bildmodell in {path} nimmt kein Steuerbild an und könnte dem Objekt nicht folgen."
    ),
    "Add --control with the folder of a depth or normal ControlNet made for it.": (
        "Gib den Ordner eines passenden ControlNets für Tiefe oder Normalen an."
    ),
    "{path} cannot be used as an image model ({reason}).": "{path} ist als Bildmodell nicht brauchbar ({reason}).",
    "Give the folder of a text-to-image pipeline in diffusers' layout, with safetensors files.": (
        "Gib den Ordner einer Text-zu-Bild-Pipeline in der Anordnung von diffusers an, mit safetensors-Dateien."
    ),
    "The embeddings of OrbitPainter's two texts are not here ({path}), and neither is the text encoder that makes "
    "them once ({size} GB, licence: {licence}).": (
        "Die Einbettungen der zwei Texte von OrbitPainter sind nicht da ({path}), und auch nicht der Textkodierer, "
        "der sie einmal macht ({size} GB, Lizenz: {licence})."
    ),
    "Run 'models download wan-text-encoder wan-tokenizer'; after the first run they can be removed.": (
        "Lade wan-text-encoder und wan-tokenizer; nach dem ersten Lauf können sie entfernt werden."
    ),
    "The folder {path} lacks parts of OrbitPainter: {names}.": (
        "Dem Ordner {path} fehlen Teile von OrbitPainter: {names}."
    ),
    "Put them there, or run 'models download {name}' and leave out the option.": (
        "Lege sie dorthin, oder lade {name} und lass die Option weg."
    ),
    "Correct the option weights.": "Berichtige die Option weights.",
    "Refines the outline of references whose background is removed, where it is here.": (
        "Verfeinert den Umriss von Vorlagen, deren Hintergrund entfernt wird, wo es da ist."
    ),
    "{names} cannot work on one picture together.": "{names} können nicht gemeinsam an einem Bild arbeiten.",
    "Use devices of one kind.": "Nimm Geräte einer Art.",
    "Several graphics cards can share a forward pass only under Linux.": (
        "Mehrere Grafikkarten können sich einen Durchlauf nur unter Linux teilen."
    ),
    "Name one more device, and leave out split.": "Nenne ein weiteres Gerät, und lass split weg.",
    "Devices cannot share a forward pass with the memory profile {profile}, which streams blocks.": (
        "Mit dem Speicherprofil {profile}, das Blöcke nachlädt, können sich Geräte keinen Durchlauf teilen."
    ),
    "Leave out more_devices, or set memory to 24 or more.": (
        "Lass more_devices weg, oder stelle den Speicher auf 24 oder mehr."
    ),
    "{tokens} tokens and {heads} attention heads cannot be divided among {count} devices.": (
        "{tokens} Token und {heads} Attention-Köpfe lassen sich nicht auf {count} Geräte verteilen."
    ),
    "Use 2, 4 or 8 devices.": "Nimm 2, 4 oder 8 Geräte.",
    "The process of the device {device} ended: {reason}.": "Der Prozess des Geräts {device} ist beendet: {reason}.",
    "Start the job again; if it happens again, leave out more_devices.": (
        "Starte den Auftrag noch einmal; geschieht es wieder, lass more_devices weg."
    ),
    "The blocks of the network need {wanted} GB in {folder}; {free} GB are free.": (
        "Die Blöcke des Netzwerks brauchen {wanted} GB in {folder}; frei sind {free} GB."
    ),
    "Free some space, or set memory to another profile.": "Schaffe Platz, oder stelle einen anderen Speicher ein.",
    "Only one device was used: {name} has no room for what several need.": (
        "Nur ein Gerät wurde benutzt: {name} hat keinen Platz für das, was mehrere brauchen."
    ),
    "No graphics card is known here; on the processor OrbitPainter would take about {time}, roughly guessed.": (
        "Hier ist keine Grafikkarte bekannt; auf dem Prozessor bräuchte OrbitPainter etwa {time}, grob geschätzt."
    ),
    "OrbitPainter will take {gpu} GB of GPU memory and {ram} GB of RAM (profile {profile}), and about {time} on "
    "{card}{doubt}.": (
        "OrbitPainter braucht {gpu} GB Grafikspeicher und {ram} GB Arbeitsspeicher (Profil {profile}) und etwa "
        "{time}; gerechnet ist mit: {card}{doubt}."
    ),
    "OrbitPainter needs at least {needs} for this job: more than there is.": (
        "OrbitPainter braucht für diesen Auftrag mindestens {needs}: mehr, als da ist."
    ),
    "Nothing fits into {gpu} GB of GPU memory and {ram} GB of RAM.": (
        "In {gpu} GB Grafikspeicher und {ram} GB Arbeitsspeicher passt nichts."
    ),
    "Arithmetic: {networks} in all, and {vae} PFLOP for the VAE.": (
        "Rechnung: {networks} insgesamt, und {vae} PFLOP für den VAE."
    ),
    "Time on {cards}, {source}, not measured here: {time}.": "Zeit auf {cards}, {source}, hier nicht gemessen: {time}.",
    "{gpu} GB of GPU memory and {ram} GB of RAM": "{gpu} GB Grafikspeicher und {ram} GB Arbeitsspeicher",
    "a card like {card}": "eine Karte wie {card}",
    "{count} cards like {card}": "{count} Karten wie {card}",
    "The network is not compiled, because several devices share it.": (
        "Das Netzwerk wird nicht kompiliert, weil mehrere Geräte es sich teilen."
    ),
    "The background was computed too: devices that share a forward pass need all tokens.": (
        "Auch der Hintergrund wurde berechnet: Geräte, die sich einen Durchlauf teilen, brauchen alle Token."
    ),
    "MagCache has measured these weights: this run was a plain one, the next ones will be faster.": (
        "MagCache hat diese Gewichte vermessen: dieser Lauf war ein gewöhnlicher, die nächsten werden schneller."
    ),
    "No step cache was used: devices that share a forward pass would decide differently.": (
        "Kein Schrittspeicher wurde benutzt: Geräte, die sich einen Durchlauf teilen, würden verschieden entscheiden."
    ),
    # What is being done
    "waiting for the other devices, {seconds} s": "wartet auf die anderen Geräte, {seconds} s",
    "trying again in {seconds} s": "versucht es in {seconds} s noch einmal",
    "{size} MB": "{size} MB",
    "checking what is there": "prüft, was da ist",
    "painting the reference": "malt die Vorlage",
    "written": "geschrieben",
    "self-test": "Selbsttest",
}
