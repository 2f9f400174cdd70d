/* German texts of all pages; the other language has the same keys and {placeholders}. */
((Learn) => {
  "use strict";

  (Learn.texts ??= {}).de = {
    "title.index": `Lernen: Wann dürfen Daten hinaus?`,
    "title.game": `Die Tabelle: ein Spiel`,
    "title.cone": `Das Bild: ein Rundgang`,
    "title.reads": `Die Reads: ein Rundgang`,
    "nav.pages": `Seiten`,
    "nav.language": `Sprache`,
    "nav.index": `Start`,
    "nav.game": `Tabelle`,
    "nav.cone": `Bild`,
    "nav.reads": `Reads`,
    "skip": `Zum Inhalt springen`,
    "footer": `
      Teil von avatarflow. Diese Seiten laden nichts aus dem Netz, senden nichts und
      speichern nichts.`,
    "stop.next": `Nächste Station`,
    "stop.done": `(besucht)`,
    "level.done": `(bestanden)`,
    "tour.stops": `Stationen des Rundgangs`,
    "goal.met": `Erreicht:`,
    "goal.open": `Noch nicht:`,
    "index.lead": `
      Drei Stationen zu einer Frage: Was muss mit medizinischen Daten geschehen, bevor sie
      hinaus dürfen? Spielen Sie mit einer Tabelle, einem Bild und einer Stuhlprobe, und
      treffen Sie jene, die wissen wollen, wer es ist.`,
    "index.game": `Die Tabelle: 24 Patienten verstecken`,
    "index.game.scene": `Ein Register bittet eine Augenklinik um die Daten von 24 Patienten.`,
    "index.game.text": `
      Ein Spiel mit vier Stufen. Vergröbern Sie Spalten, sehen Sie Klassen wachsen und
      Information schwinden, und lassen Sie den Angreifer kommen.`,
    "index.cone": `Das Bild: Wann würden Sie es hinauslassen?`,
    "index.cone.scene": `
      Eine Augenklinik möchte gezeichnete Bilder statt Fotografien veröffentlichen.`,
    "index.cone.text": `
      Ein Rundgang um den „Cone of Privacy“, den Kegel um jedes Original. Rücken Sie ein
      Bild von einem Original ab, entscheiden Sie, und vergleichen Sie sich mit dem Filter.`,
    "index.reads": `Die Reads: Wie viele, bis wir wissen, wer es ist?`,
    "index.reads.scene": `
      Eine Studie mit Stuhlproben möchte die sequenzierten Mikroben veröffentlichen.`,
    "index.reads.text": `
      Ein Rundgang zu den menschlichen Reads, die zwischen den Mikroben bleiben. Schätzen
      Sie, wie viele zu viele sind, und sehen Sie, was ihre Entfernung ändert.`,
    "index.made": `Erfunden, und vor Ihren Augen berechnet`,
    "index.made.text": `
      Patienten, Namen und Orte sind erfunden. Jede Zahl berechnet die Seite, während Sie
      zusehen, oder sie steht in der Dokumentation, die die Seite nennt. Die Seiten lassen
      sich mit der Tastatur und mit einem Vorleseprogramm bedienen, auf Deutsch und auf
      Englisch.`,
    "index.docs": `Wie der Workflow es macht`,
    "index.docs.all": `Alle Seiten der Dokumentation`,
    "index.docs.cone": `Der „Cone of Privacy“: Formeln, Messungen, Grenzen`,
    "index.docs.risk": `Das Restrisiko menschlicher Reads`,
    "index.docs.dossier": `Das Dossier für Datenschutzbeauftragte`,
    "game.lead": `
      Die Namen sind gelöscht. Ist die Tabelle damit anonym? Wer Alter, Postleitzahl und
      Geschlecht eines Patienten kennt, kann die Zeile suchen. Vergröbern Sie die Spalten,
      bis er sie nicht mehr findet, und behalten Sie so viel Information wie möglich.`,
    "game.levels": `Stufen`,
    "level.alone": `Niemand allein`,
    "level.alone.text": `
      Ein Register für Augenkrankheiten bittet eine Augenklinik um 24 Zeilen. Lassen Sie
      zuerst den Angreifer kommen und sehen Sie, wen er in der Tabelle findet, wie sie ist.
      Vergröbern Sie dann die Spalten, bis jeder Patient mindestens einem anderen gleicht.`,
    "level.alone.won": `
      Niemand steht allein. Aber zwei sind wenig: Wer seine eigene Zeile kennt, kennt auch
      die andere.`,
    "level.three": `Mindestens drei`,
    "level.three.text": `
      Die Regeln des Registers verlangen Klassen von mindestens drei Patienten. Es gibt
      einen Weg, dabei so viel Information zu behalten wie zuvor.`,
    "level.three.won": `
      Jede Klasse ist groß genug. Lassen Sie nun den Angreifer kommen: Er findet niemanden
      und erfährt trotzdem Diagnosen. Sehen Sie, warum?`,
    "level.same": `Nicht alle gleich`,
    "level.same.text": `
      Wo alle Patienten einer Klasse dieselbe Diagnose haben, braucht niemand die Zeile zu
      finden. Die Klassen müssen also in sich verschieden sein: mindestens zwei Diagnosen in
      jeder. Das kostet Information.`,
    "level.same.won": `
      Niemand wird gefunden, und keine Diagnose ist sicher. Sehen Sie sich an, was von der
      Tabelle übrig ist: Nützt sie dem Register noch?`,
    "level.late": `Eine späte Patientin`,
    "level.late.text": `
      Eine 97-jährige Frau kommt in die Tabelle. Kaum jemand ist so alt, also fällt sie auf.
      Jetzt dürfen auch ganze Zeilen weggelassen werden; sie zählen als verlorene
      Information.`,
    "level.late.won": `
      Sie haben die Information der vielen behalten, indem Sie die wenigen weglassen, die
      auffallen. Oft sind es gerade jene, die ein Register braucht: die Ältesten und die mit
      seltenen Krankheiten.`,
    "game.controls": `Wie viel gezeigt wird`,
    "game.age": `Alter`,
    "game.age.1": `genau`,
    "game.age.5": `5 Jahre`,
    "game.age.10": `10 Jahre`,
    "game.age.20": `20 Jahre`,
    "game.age.0": `unterdrückt`,
    "game.postcode": `Postleitzahl`,
    "game.postcode.short": `PLZ`,
    "game.postcode.5": `5 Ziffern`,
    "game.postcode.3": `3 Ziffern`,
    "game.postcode.2": `2 Ziffern`,
    "game.postcode.0": `unterdrückt`,
    "game.sex": `Ge\u00adschlecht`,
    "game.sex.1": `gezeigt`,
    "game.sex.0": `unterdrückt`,
    "game.drop": `Zeilen kleiner Klassen weglassen`,
    "game.drop.0": `keine`,
    "game.drop.2": `unter 2`,
    "game.drop.3": `unter 3`,
    "game.drop.4": `unter 4`,
    "game.diagnosis": `Diagnose`,
    "game.suppressed": `beliebig`,
    "sex.f": `weiblich`,
    "sex.m": `männlich`,
    "diagnosis.cataract": `Grauer Star`,
    "diagnosis.glaucoma": `Glaukom`,
    "diagnosis.retinopathy": `diabetische Retinopathie`,
    "diagnosis.macula": `Makula\u00addegeneration`,
    "diagnosis.occlusion": `Venenverschluss der Netzhaut`,
    "diagnosis.dystrophy": `erbliche Dystrophie`,
    "game.goals": `Ziele`,
    "goal.k": `Die kleinste Klasse hat mindestens {wanted} Patienten; sie hat {value}.`,
    "goal.l": `Jede Klasse hat mindestens {wanted} Diagnosen; die einheitlichste hat {value}.`,
    "goal.kept": `Mindestens {wanted} der Information bleiben; es sind {value}.`,
    "figure.k": `k: Größe der kleinsten Klasse`,
    "figure.l": `l: wenigste Diagnosen in einer Klasse`,
    "figure.kept": `Information behalten`,
    "game.next": `Nächste Stufe`,
    "game.again": `Diese Stufe neu beginnen`,
    "game.attack": `Den Angreifer kommen lassen`,
    "game.live": `k ist {k}, l ist {l}, {kept} der Information bleiben.`,
    "game.live.won": `Alle Ziele sind erreicht.`,
    "game.patients.one": `{n} Patient`,
    "game.patients.other": `{n} Patienten`,
    "game.classes": `Die Klassen`,
    "game.classes.text": `
      Die Patienten einer Klasse sehen für jemanden gleich aus, der Alter, Postleitzahl und
      Geschlecht kennt. Große Klassen verbergen die Zeile; gemischte verbergen auch die
      Diagnose.`,
    "game.class.alone": `steht allein`,
    "game.class.same": `alle gleich`,
    "game.class.mixed": `gemischt`,
    "game.out.one": `{n} Zeile ist weggelassen.`,
    "game.out.other": `{n} Zeilen sind weggelassen.`,
    "game.table": `Die Tabelle, die das Register bekommt`,
    "game.table.caption": `
      Eine Zeile je Patient; über jeder Klasse eine Linie. Ein Punkt steht für eine
      verborgene Ziffer, ein Stern für einen beliebigen Wert.`,
    "game.class": `Klasse`,
    "attack.title": `Der Angreifer`,
    "attack.who": `
      Er hat die Mitgliederliste eines erfundenen Chors: Namen mit Alter, Postleitzahl und
      Geschlecht. Er weiß, dass sie alle in der Klinik behandelt wurden. Also sucht er
      Zeilen, die passen.`,
    "attack.caption": `Die Personen seiner Liste, und was die Tabelle ihm sagt`,
    "attack.name": `Name`,
    "attack.knows": `Er weiß`,
    "attack.learns": `Er erfährt`,
    "attack.summary": `
      Von {of} Personen der Liste findet er bei {found} die Zeile; bei {told} weiteren
      erfährt er die Diagnose, ohne die Zeile zu finden.`,
    "attack.mark.found": `Gefunden.`,
    "attack.mark.told": `Diagnose bekannt.`,
    "attack.mark.hidden": `Verborgen.`,
    "attack.found": `Nur eine Zeile passt: {diagnosis}.`,
    "attack.same": `{n} Zeilen passen, alle mit derselben Diagnose: {diagnosis}.`,
    "attack.unsure": `{n} Zeilen passen, mit {l} verschiedenen Diagnosen.`,
    "attack.none": `Keine Zeile passt; sie wurde weggelassen.`,
    "game.more": `Wie gezählt wird, und was es nicht sagt`,
    "game.more.measures": `
      k-Anonymität (Sweeney 2002): Jede Klasse hat mindestens k Patienten. Einfache
      l-Diversität (Machanavajjhala und andere 2007): Jede Klasse hat mindestens l
      verschiedene Diagnosen.`,
    "game.more.kept": `
      Behaltene Information ist der Anteil der Bits der Tabelle, der übrig ist
      (ungleichmäßige Entropie; Gionis und Tassa 2009). Eine Zelle mit dem Wert v, die als
      Menge S von Werten gezeigt wird, verliert log2(n(S) / n(v)) Bit; n zählt Zeilen der
      vollen Tabelle. Eine weggelassene Zeile verliert alle ihre Bits.`,
    "game.more.formula": `behalten = 1 − Summe verlorener Bits / Summe von log2(n / n(v))`,
    "game.more.limits": `
      Weder k noch l beweist Anonymität. Wer mehr Spalten kennt, eine zweite Tabelle
      derselben Patienten hat oder auf die häufigste Diagnose setzen darf, erfährt mehr, als
      diese Zahlen sagen.`,
    "game.more.cone": `
      Und ein Bild? Es hat keine Spalten, die man vergröbern könnte. Weiter zum Bild.`,
    "cone.lead": `
      Rücken Sie das Bild vom Original ab: Wann würden Sie es hinauslassen? Nahe am Original
      zeigt ein gezeichnetes Bild einen Patienten; weit weg zeigt es niemanden. Der Filter
      zieht die Grenze nach Winkeln und danach, wie dicht es ist.`,
    "cone.stop.0": `Ihre Entscheidung`,
    "cone.0.scene": `
      Die Augenklinik möchte gezeichnete Bilder des Augenhintergrunds veröffentlichen. Eine
      Studentin fragt: Ist dies noch die Aufnahme von Patient A?`,
    "cone.0.text": `
      Jeder Punkt der Karte ist ein Original, jedes von einem anderen Patienten. Die Raute
      ist das gezeichnete Bild; sie beginnt genau auf Original A. Rücken Sie sie ab,
      vergleichen Sie die beiden Bilder, und drücken Sie die Taste, sobald Sie das Bild
      hinauslassen würden.`,
    "cone.stop.1": `Wo sonst niemand ist`,
    "cone.1.scene": `
      Patientin J hat ein Auge wie sonst niemand in der Klinik. Wer es einmal gesehen hat,
      würde es wiedererkennen.`,
    "cone.1.text": `
      Machen Sie dasselbe mit Original J, das keine nahen Nachbarn hat. Würden Sie das Bild
      beim selben Abstand hinauslassen wie zuvor?`,
    "cone.stop.2": `Alle Kegel`,
    "cone.2.scene": `
      Ein Bild darf nur hinaus, wenn es außerhalb der Kegel aller Originale liegt, nicht nur
      außerhalb dessen, aus dem es entstand.`,
    "cone.2.text": `
      Die schraffierten Flächen sind die Kegel. Unter vielen Augen darf ein Bild näher
      kommen, weil mehrere Patienten gemeint sein könnten. Wo es dünn wird, öffnen sich die
      Kegel weit.`,
    "cone.stop.3": `Warum auch Merkpunkte gefragt werden`,
    "cone.3.scene": `
      Ein gezeichnetes Bild zeigt das Auge von Patient A, eine Hälfte schwarz. Jede
      Augenärztin sieht, wessen Gefäße das sind.`,
    "cone.3.text": `
      Der Fingerabdruck folgt Farbe und Schattierung. Er wandert weit, wenn ein Bild
      beschnitten oder verdeckt wird, und wenig bei Rauschen. Merkpunkte (englisch
      „keypoints“) sind auffällige Stellen wie Gefäße und Papille: Im beschnittenen oder
      gedrehten Bild werden sie wiedergefunden, Rauschen nimmt sie weg. Darum fragt der
      Workflow beide, und ein Bild, das eines von beiden erkennt, wird abgelehnt. Wählen
      Sie, wie die Kopie verändert ist.`,
    "cone.map.section": `Karte und Bilder`,
    "cone.map": `Karte mit beweglichem Bild. {where}`,
    "cone.keys": `
      Ziehen Sie die Raute, tippen Sie auf eine Stelle der Karte, oder nehmen Sie auf der
      Karte die Pfeiltasten (mit Umschalttaste fünf Grad auf einmal) oder diese Tasten:`,
    "cone.arrows": `Das Bild um ein Grad bewegen`,
    "cone.ArrowLeft": `links`,
    "cone.ArrowUp": `oben`,
    "cone.ArrowDown": `unten`,
    "cone.ArrowRight": `rechts`,
    "cone.legend": `
      Punkte mit Buchstaben: Originale. Raute: das gezeichnete Bild. Linie: zum Original,
      das zählt. Schraffiert, sobald gezeigt: Kegel; der mit durchgezogenem Rand zählt.`,
    "cone.name.original": `Original {letter}`,
    "cone.name.candidate": `Gezeichnetes Bild`,
    "cone.name.copied": `Original A`,
    "cone.name.copy": `Veränderte Kopie`,
    "cone.picture.original": `Schematischer Augenhintergrund von Original {letter}`,
    "cone.picture.candidate": `
      Schematischer Augenhintergrund des gezeichneten Bildes, {angle} von Original {letter}
      entfernt`,
    "cone.picture.copied": `
      Schematischer Augenhintergrund von Original A, Merkpunkte mit Ringen markiert`,
    "cone.picture.copy": `
      Veränderte Kopie von Original A: {alteration}; wiedergefundene Merkpunkte sind mit
      Ringen markiert`,
    "cone.figure.angle": `Winkel zum Original`,
    "cone.figure.half": `halber Öffnungswinkel des Kegels`,
    "cone.figure.risk": `Risiko (Winkel / halber Öffnungswinkel)`,
    "cone.figure.decision": `Entscheidung`,
    "cone.accepted": `angenommen`,
    "cone.rejected": `abgelehnt`,
    "cone.live.hidden": `{angle} von Original {letter} entfernt.`,
    "cone.live.accepted": `
      {angle} von Original {letter} entfernt, halber Öffnungswinkel {half}, Risiko {risk}:
      angenommen.`,
    "cone.live.rejected": `
      {angle} von Original {letter} entfernt, halber Öffnungswinkel {half}, Risiko {risk}:
      abgelehnt.`,
    "cone.let-go": `Hier würde ich es hinauslassen`,
    "cone.answer.later": `
      Sie ließen es bei {angle} hinaus. Auch der Filter würde es dort annehmen: Das Risiko
      ist {risk}, also über 1.`,
    "cone.answer.earlier": `
      Sie ließen es bei {angle} hinaus. Der Filter würde es noch ablehnen: Es liegt im Kegel
      von Original {letter}, der sich hier bis {half} öffnet; das Risiko ist {risk}, also
      nicht über 1.`,
    "cone.compared": `Zweimal dieselbe Frage`,
    "cone.compared.caption": `Bei welchem Winkel zu seinem Original jedes Bild hinausdurfte`,
    "cone.compared.eye": `Original`,
    "cone.compared.you": `Sie`,
    "cone.compared.cone": `Der Filter, in Ihrer Richtung`,
    "cone.compared.0": `A, unter vielen`,
    "cone.compared.1": `J, allein`,
    "cone.compared.text": `
      Der Filter verlangt mehr Abstand, wo die Originale dünn gesät sind. Ein fester Abstand
      für alle ließe Bilder einsamer Augen zu früh hinaus oder hielte die der häufigen zu
      lange zurück.`,
    "cone.task": `
      Finden Sie eine Stelle, an der das Bild angenommen wird, obwohl es näher als {near}
      Grad an einem Original ist.`,
    "cone.task.done": `
      Dort ist es einem Patienten nahe, und anderen fast ebenso. Um das einsame Original J
      gibt es keine solche Stelle.`,
    "cone.formula": `Die Formel`,
    "cone.formula.risk": `Risiko(g) = kleinstes θ(g, x) / Θ(g) über alle Originale x`,
    "cone.formula.half": `Θ(g) = c · R^β · ρ(g)^(1 − β), mindestens R`,
    "cone.formula.text": `
      θ ist der Winkel zwischen dem Bild g und einem Original x, Θ der halbe Öffnungswinkel
      von dessen Kegel, R sein eigener Radius (wie weit seine veränderten Kopien von ihm
      liegen) und ρ der mittlere Winkel von g zu den k nächsten anderen Originalen. Ein Bild
      wird angenommen, wenn sein Risiko über 1 liegt.`,
    "cone.settings": `
      Auf dieser Karte sind c = {c}, β = {beta}, k = {k} und R = {own}° für alle Originale.`,
    "cone.simple": `
      Die Karte ist eine Vereinfachung. Echte Fingerabdrücke sind Richtungen in einem Raum
      mit vielen Dimensionen, und ihre Winkel passen nicht auf eine Ebene; R ist von
      Original zu Original verschieden; c wird so gesetzt, dass veränderte Kopien von
      Originalen abgelehnt werden, und c und k wurden für diese Karte gewählt. Die Bilder
      sind aus ihrer Stelle auf der Karte gezeichnet; nah ist hier also mit Absicht ähnlich.`,
    "cone.docs": `Die Definition, was gemessen wurde, und die Grenzen`,
    "cone.alteration": `Die Kopie von Original A ist`,
    "alteration.none": `unverändert`,
    "alteration.turned": `gedreht`,
    "alteration.covered": `halb verdeckt`,
    "alteration.cut": `auf die Mitte beschnitten`,
    "alteration.noise": `verrauscht`,
    "cone.fingerprint.near": `
      Fingerabdruck: Die Kopie liegt {angle} von ihrem Original, näher als jedes andere Auge
      ({other}). Ein Kegel kann sie fassen.`,
    "cone.fingerprint.far": `
      Fingerabdruck: Die Kopie liegt {angle} von ihrem Original, weiter als ein anderes Auge
      ({other}). Ein Kegel, der sie fasst, verschluckte auch die Augen anderer Patienten.`,
    "cone.keypoints.yes": `
      Merkpunkte: {found} von {of} werden wiedergefunden; {needed} genügen. Sie erkennen das
      Auge.`,
    "cone.keypoints.no": `
      Merkpunkte: {found} von {of} werden wiedergefunden; {needed} wären nötig. Sie erkennen
      das Auge nicht.`,
    "cone.both.both": `Zusammen: Beide sehen die Kopie.`,
    "cone.both.cone": `Zusammen: Diese muss der Kegel sehen.`,
    "cone.both.keypoints": `Zusammen: Diese müssen die Merkpunkte sehen.`,
    "cone.both.none": `Zusammen: Keines von beiden sieht die Kopie. Sie dürfte hinaus.`,
    "cone.3.sketch": `
      Fingerabdruck und Merkpunkte dieser Seite sind Skizzen, die sie aus ihren eigenen
      Zeichnungen berechnet: die mittlere Helligkeit kleiner Quadrate und ein Dutzend
      markierter Stellen. Der Workflow hat einen trainierten Encoder und SIFT-Merkpunkte.`,
    "cone.measured": `Was an echten Aufnahmen gemessen wurde`,
    "cone.measured.caption": `
      Veränderte Kopien, die die Merkpunkte des Workflows erkennen, von je 100, bei 64
      Pixeln`,
    "cone.measured.copies": `Kopien`,
    "cone.measured.found": `Erkannt`,
    "cone.measured.noise": `starkes JPEG; starkes Rauschen`,
    "cone.measured.several": `gedreht, beschnitten, Gamma und JPEG zusammen`,
    "cone.measured.small": `halb so groß auf Rauschen`,
    "cone.measured.turned": `
      gedreht, gespiegelt, beschnitten, halb verdeckt, eingefügt, überblendet, umgefärbt und
      andere`,
    "cone.measured.turned.value": `98 bis 100`,
    "cone.measured.together": `
      Kegel allein nahmen 52 bis 76 % der zurückgehaltenen Bilder echter Augen an, weil sie
      sich für verdeckte und beschnittene Kopien weit öffnen müssen. Zusammen mit
      Merkpunkten waren es 91 %, und keiner von 85 Testpatienten wurde übersehen
      (höchstens 4,2 %).`,
    "cone.docs.verifier": `Quelle der Tabelle: die zweite Prüfung (verifier)`,
    "cone.docs.together": `Quelle der Anteile: Entscheidung 0057`,
    "cone.more": `Bilder sind nicht alles. Weiter zu den Reads.`,
    "reads.lead": `
      In jeder Probe von Mikroben bleibt menschliche DNA zurück. Ein Read ist ein Stück DNA
      von etwa 150 Buchstaben (Basen). Ein Stück verrät fast nichts darüber, von wem es
      stammt. Wie viele, bis wir wissen, wer es ist?`,
    "reads.stop.0": `Ihre Schätzung`,
    "reads.0.scene": `
      Eine Studie veröffentlicht die Mikroben einer Stuhlprobe. Sie stammt von einem der
      {city} Einwohner einer Stadt. Der Angreifer kennt die DNA eines jeden von ihnen: der
      schlimmste Fall.`,
    "reads.0.text": `
      Wie viele menschliche Reads in der Probe reichen, um auf die Person zu zeigen?`,
    "reads.guess": `Zahl der Reads`,
    "reads.guess.show": `Zeigen`,
    "reads.guess.close": `Sie schätzten {guess}. Das einfache Modell sagt {needed}: nah dran.`,
    "reads.guess.fewer": `
      Sie schätzten {guess}. Es reichen weniger: Das einfache Modell sagt {needed}.`,
    "reads.guess.more": `
      Sie schätzten {guess}. Es braucht mehr: Das einfache Modell sagt {needed}.`,
    "reads.guess.why": `
      Um eine von {city} Personen mit einer Wahrscheinlichkeit von {posterior} von allen
      anderen zu unterscheiden, sind {bits} Bit nötig; jedes Bit halbiert die Zahl derer,
      die in Frage kommen. Ein Read von {bases} Basen verrät im Mittel {each} Bit.`,
    "reads.stop.1": `Read für Read`,
    "reads.1.scene": `
      Die Studie mit Stuhlproben hat eine Probe an ein öffentliches Archiv geschickt. Die
      menschlichen Reads darin wurden übersehen.`,
    "reads.1.text": `
      Schieben Sie den Regler und sehen Sie, wer übrig bleibt. Eine informative Variante ist
      eine Stelle des Genoms, an der Menschen sich unterscheiden: Die seltenere Form kommt
      in mindestens einer von hundert Kopien vor.`,
    "reads.slider": `Menschliche Reads, die in der Probe bleiben`,
    "reads.value.one": `{n} Read`,
    "reads.value.other": `{n} Reads`,
    "reads.city": `Die Person ist eine von`,
    "reads.city.2000": `{n} in einem Dorf`,
    "reads.city.50000": `{n} in einer Kleinstadt`,
    "reads.city.1000000": `{n} in einer Großstadt`,
    "reads.city.80000000": `{n} in einem Land`,
    "reads.bases": `Ein Read zeigt`,
    "reads.bases.100": `100 Basen`,
    "reads.bases.150": `150 Basen`,
    "reads.bases.300": `2 × 150 Basen`,
    "reads.figure.reads": `übrige Reads`,
    "reads.figure.variants": `informative Varianten, erwartet`,
    "reads.figure.bits": `Bit, erwartet`,
    "reads.figure.left": `Menschen, die ebenso gut passen`,
    "reads.figure.posterior": `Wahrscheinlichkeit, dass der beste Treffer die Person ist`,
    "reads.below": `unter 0,1 %`,
    "reads.singled": `
      Die Person ist herausgegriffen: Bei {city} Menschen braucht es {needed} Reads.`,
    "reads.unsingled": `
      Die Person ist noch nicht herausgegriffen: Bei {city} Menschen braucht es {needed}
      Reads.`,
    "reads.dots": `
      Jeder Punkt steht für {each} Menschen. Von {dots} sind {n} gefüllt (einer mindestens).
      Ebenso gut passend: {left} von {city} Menschen.`,
    "reads.live": `{bits} Bit erwartet. Ebenso gut passend: {left} von {city} Menschen.`,
    "reads.stop.2": `Was das Entfernen ändert`,
    "reads.2.scene": `
      Vor der nächsten Veröffentlichung entfernt die Studie menschliche Reads. Kein Programm
      findet alle.`,
    "reads.2.text": `
      Wählen Sie, wie viele menschliche Reads in der Probe waren und wie viele davon das
      Programm übersieht. Reads zeigen 150 Basen, wenn Sie an der Station davor nichts
      anderes gewählt haben.`,
    "reads.human": `Menschliche Reads in der Probe`,
    "reads.missed": `Das Programm übersieht`,
    "reads.missed.none": `alle (kein Entfernen)`,
    "reads.missed.share": `einen von {n}`,
    "reads.figure.human": `menschliche Reads vorher`,
    "reads.figure.remaining": `nach dem Entfernen, erwartet`,
    "reads.figure.before": `Bit vorher`,
    "reads.figure.after": `Bit nachher`,
    "reads.over": `über {n}`,
    "reads.gate.ok": `Innerhalb der Grenze.`,
    "reads.gate.not": `Über der Grenze.`,
    "reads.gate.within": `
      {bits} erwartete Bit liegen innerhalb von {gate}. Im Mittel dürfen {most} solche Reads
      bleiben; dann passen etwa {share} Menschen so gut wie die Person selbst.`,
    "reads.gate.above": `
      {bits} erwartete Bit sind mehr als {gate}. Im Mittel dürfen {most} solche Reads
      bleiben; dann passen etwa {share} Menschen so gut wie die Person selbst.`,
    "reads.2.gates": `
      Eine Freigabe bereinigter Reads hat Grenzen, die vor dem Lauf feststehen: in der
      Voreinstellung höchstens {gate} verbleibende Bit, und höchstens {missed} der
      beigemischten Reads (spike-ins), die kein Programm als menschlich erkennt. Verglichen
      werden obere Grenzen des Gemessenen, nicht Erwartungswerte wie hier.`,
    "reads.docs.gates": `Wann ein bereinigtes FASTQ veröffentlicht werden darf`,
    "reads.stop.3": `Das Modell, und was es auslässt`,
    "reads.model.text": `
      Das Modell ist jenes, das eine Freigabe nimmt, wenn sie keine Allelhäufigkeiten kennt:
      Varianten wie in einer Bevölkerung gleichbleibender Größe, Genotypen im
      Hardy-Weinberg-Verhältnis, von jedem Read eine der beiden Kopien gezeigt, Reads und
      Varianten unabhängig, keine Lesefehler.`,
    "reads.model.formula": `
      Bit = Reads · Basen · ∫ (d / p) · (H(p) − 2p(1 − p)) dp, mit p von 1 / (2N) bis 1 − 1
      / (2N)`,
    "reads.model.left": `Menschen, die ebenso gut passen = N / 2^Bit, mindestens 1`,
    "reads.model.posterior": `Wahrscheinlichkeit = 1 / (1 + (N − 1) / 2^Bit)`,
    "reads.model.numbers": `
      N ist die Zahl der Menschen, p die Häufigkeit der neueren Form einer Variante, H(p)
      ihre Entropie in Bit, und d = {diversity} die Wahrscheinlichkeit, dass zwei Kopien des
      Genoms sich an einer Base unterscheiden (die Voreinstellung risk.diversity). Das
      ergibt {base} Bit je 1000 Basen bei einer Million Menschen. Informative Varianten
      haben eine seltenere Form von mindestens {common}: Reads · Basen · d · ln(99).`,
    "reads.model.source": `
      Quellen: Watterson 1975 und Fu 1995 für die Häufigkeiten; die Funktion from_spectrum
      in workflow/scripts/avatarflow/reads/release/information.py zieht, was diese Seite
      integriert, und ein Test vergleicht beide.`,
    "reads.model.too-high": `Das Modell sagt eher zu viel`,
    "reads.model.check": `
      Für {fragments} Fragmente mit {bases} gelesenen Basen berechnet diese Seite {ours}
      Bit. Gemessen an 300 Personen eines echten Panels, mit 1 % Lesefehlern und Kopplung,
      waren es im Mittel 22,3 Bit, und die Person stand in 99,3 % der Fälle an erster
      Stelle. Benachbarte Varianten wiederholen einander, und Fehler verwischen.`,
    "reads.docs.decision": `Quelle der gemessenen Werte: Entscheidung 0016`,
    "reads.not": `Was hier keine Zahl sagt`,
    "reads.not.kin": `
      Verwandte: Auch ein Bruder oder eine Tochter in einer Datenbank weist auf die Person.`,
    "reads.not.sex": `
      Geschlecht: Reads des Y-Chromosoms verraten es lange, bevor man die Person kennt.`,
    "reads.not.microbes": `
      Mikroben: Schon die Stämme des Darms können Menschen verraten (Franzosa 2015).`,
    "reads.not.reference": `
      Sequenz, die der Referenz fehlt: Programme, die damit vergleichen, übersehen sie
      öfter.`,
    "reads.docs.risk": `Das Restrisiko: Modelle, Schranken, Grenzen`,
  };
})((globalThis.Learn ??= {}));
