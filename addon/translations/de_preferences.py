# SPDX-License-Identifier: GPL-3.0-or-later
"""German: the preferences."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "AMD": "AMD",
    "Action": "Aktion",
    "Add Model Folder...": "Modellordner hinzufügen...",
    "Allow Online Access is off in Preferences > System.": (
        "Onlinezugriff erlauben ist in Einstellungen > System ausgeschaltet."
    ),
    "Another task is running; wait for it or cancel it": "Ein anderer Vorgang läuft; warte auf ihn oder brich ihn ab",
    "Apple": "Apple",
    "Blender was started with a command line that forbids online access.": (
        "Blender wurde mit einer Befehlszeile gestartet, die den Onlinezugriff verbietet."
    ),
    "CUDA 13; needs driver 580 or newer": "CUDA 13; braucht den Treiber 580 oder neuer",
    "Check all files of the engine and fetch bad ones again": (
        "Alle Dateien der Engine prüfen und schadhafte neu holen"
    ),
    "Checking": "Prüft",
    "Close this message": "Diese Meldung schließen",
    "Copy Diagnostics": "Diagnose kopieren",
    "Delete everything that was downloaded for the engine's models": (
        "Alles löschen, was für die Modelle der Engine heruntergeladen wurde"
    ),
    "Delete the Models Too": "Auch die Modelle löschen",
    "Delete the engine, its downloads and its logs. Removing the extension does not do that: do it here before": (
        "Die Engine, was für sie heruntergeladen wurde und ihre Protokolle löschen. "
        "Das Entfernen der Erweiterung tut das nicht: tu es vorher hier"
    ),
    "Delete this model, or forget the folder that was added; your own folder is not touched": (
        "Dieses Modell löschen oder den hinzugefügten Ordner vergessen; dein eigener Ordner bleibt, wie er ist"
    ),
    "Device": "Gerät",
    "Devices": "Geräte",
    "Done.": "Fertig.",
    "Download Model": "Modell herunterladen",
    "Download All for {engine} ({size})": "Alles für {engine} herunterladen ({size})",
    "Download this model, or all that an engine lacks, from the hub; a stopped download is continued": (
        "Dieses Modell, oder alles, was einer Engine fehlt, vom Hub herunterladen; "
        "ein angehaltener Vorgang wird fortgesetzt"
    ),
    "Downloading {name}": "Lädt {name} herunter",
    "Engine of the Neural Painters": "Engine der neuronalen Maler",
    "Fetch and install the engine; a stopped installation is continued": (
        "Die Engine holen und installieren; eine angehaltene Installation wird fortgesetzt"
    ),
    "Fetching": "Holt",
    "Folder for engines and models; empty: one for all Blender versions of this user": (
        "Ordner für Engines und Modelle; leer: einer für alle Blender-Versionen dieses Benutzers"
    ),
    "Folder to install from": "Ordner, aus dem installiert wird",
    "Folder with models": "Ordner mit Modellen",
    "Folders": "Ordner",
    "Found: {names}": "Gefunden: {names}",
    "Free GPU Memory": "GPU-Speicher freigeben",
    "Go Back": "Zurückgehen",
    "Going back to the engine before": "Geht zur vorigen Engine zurück",
    "Idle Minutes": "Minuten Leerlauf",
    "Install": "Installieren",
    "Install Engine": "Engine installieren",
    "Install from Folder makes no connection.": "Aus Ordner installieren stellt keine Verbindung her.",
    "Install from Folder...": "Aus Ordner installieren...",
    "Install the engine from a folder that 'environment bundle' made on another computer; no connection is made": (
        "Die Engine aus einem Ordner installieren, den 'environment bundle' auf einem anderen Computer angelegt hat; "
        "es wird keine Verbindung hergestellt"
    ),
    "Install the engine of this version; the old one works until the new one does": (
        "Die Engine dieser Version installieren; die alte läuft, bis die neue läuft"
    ),
    "Install, update, repair or go back": "Installieren, aktualisieren, reparieren oder zurückgehen",
    "Installer uv": "Installationsprogramm uv",
    "Installing": "Installiert",
    "Installing the engine": "Installiert die Engine",
    "Let the engine that waits for jobs give back what it holds; the next job loads it again": (
        "Lässt die wartende Engine zurückgeben, was sie hält; der nächste Auftrag lädt sie wieder"
    ),
    "Licence: {licence}": "Lizenz: {licence}",
    "Look again at what is installed": "Noch einmal nachsehen, was installiert ist",
    "Looking at what is installed...": "Sieht nach, was installiert ist...",
    "Metal on Apple silicon; declared, not tried": "Metal auf Apple-Prozessoren; vorgesehen, nicht erprobt",
    "Minutes without a job after which the engine ends and gives its memory back": (
        "Minuten ohne Auftrag, nach denen die Engine endet und ihren Speicher zurückgibt"
    ),
    "Model": "Modell",
    "Models": "Modelle",
    "NVIDIA": "NVIDIA",
    "NVIDIA or Apple graphics where the driver allows it, else the processor": (
        "Grafik von NVIDIA oder Apple, wo der Treiber es erlaubt, sonst der Prozessor"
    ),
    "Name of the model in the catalogue": "Name des Modells im Verzeichnis",
    "Name of the model in the catalogue, or of an engine": "Name des Modells im Verzeichnis oder einer Engine",
    "Needs Attention": "Braucht Aufmerksamkeit",
    "No engine is loaded and waiting": "Keine Engine ist geladen und wartet",
    "Not Installed": "Nicht installiert",
    "Numbers of the NVIDIA devices that each run an engine and a job, such as 0,1; empty: one engine": (
        "Nummern der NVIDIA-Geräte, die je eine Engine und einen Auftrag ausführen, etwa 0,1; leer: eine Engine"
    ),
    "Open Log Folder": "Protokollordner öffnen",
    "Processor": "Prozessor",
    "Program uv to install with; empty: it is found, or fetched": (
        "Programm uv, mit dem installiert wird; leer: es wird gefunden oder geholt"
    ),
    "ROCm on Linux; declared, not tried": "ROCm unter Linux; vorgesehen, nicht erprobt",
    "Ready": "Bereit",
    "Refresh": "Aktualisieren",
    "Remove Engine": "Engine entfernen",
    "Remove Model": "Modell entfernen",
    "Removing": "Entfernt",
    "Removing the engine": "Entfernt die Engine",
    "Removing {name}": "Entfernt {name}",
    "Repair": "Reparieren",
    "Repairing the engine": "Repariert die Engine",
    "Restart": "Neu starten",
    "Show folders": "Ordner zeigen",
    "Slow, for trying things out": "Langsam, zum Ausprobieren",
    "Stop the running task; what it has fetched is kept, and the task can be continued": (
        "Den laufenden Vorgang anhalten; was er geholt hat, bleibt, und er kann fortgesetzt werden"
    ),
    "Stopped; it can be continued.": "Angehalten; es kann fortgesetzt werden.",
    "The log is {log}.": "Das Protokoll ist {log}.",
    "The process ended unexpectedly (status {status}).": "Der Prozess endete unerwartet (Status {status}).",
    "The task could not be started ({error}).": "Der Vorgang konnte nicht gestartet werden ({error}).",
    "Update": "Aktualisieren",
    "Update Needed": "Aktualisierung nötig",
    "Updating": "Aktualisiert",
    "Updating the engine": "Aktualisiert die Engine",
    "Use Install from Folder.": "Nimm Aus Ordner installieren.",
    "Use models that you have: a copy of a repository, or a converted folder": (
        "Modelle benutzen, die du hast: eine Kopie eines Verzeichnisses oder einen umgewandelten Ordner"
    ),
    "Use the engine before again": "Die vorige Engine wieder benutzen",
    "Verifying": "Prüft nach",
    "Version {version} for {device}": "Version {version} für {device}",
    "What the engine is installed for and computes on": "Wofür die Engine installiert wird und worauf sie rechnet",
    "What to do with the engine": "Was mit der Engine getan wird",
    "{size} on this disk": "{size} auf diesem Datenträger",
    "{title} (optional)": "{title} (nicht nötig)",
}
