/* English texts of all pages; the other language has the same keys and {placeholders}. */
((Learn) => {
  "use strict";

  (Learn.texts ??= {}).en = {
    "title.index": `Learn: when may data be let go?`,
    "title.game": `The table: a game`,
    "title.cone": `The picture: a tour`,
    "title.reads": `The reads: a tour`,
    "nav.pages": `Pages`,
    "nav.language": `Language`,
    "nav.index": `Start`,
    "nav.game": `Table`,
    "nav.cone": `Picture`,
    "nav.reads": `Reads`,
    "skip": `Skip to the content`,
    "footer": `
      Part of avatarflow. These pages load nothing from the network, send nothing and store
      nothing.`,
    "stop.next": `Next stop`,
    "stop.done": `(visited)`,
    "level.done": `(passed)`,
    "tour.stops": `Stops of the tour`,
    "goal.met": `Met:`,
    "goal.open": `Not yet:`,
    "index.lead": `
      Three stops on one question: what must happen to medical data before they may be let
      go? Play with a table, a picture and a stool sample, and meet the people who want to
      know who it is.`,
    "index.game": `The table: hide 24 patients`,
    "index.game.scene": `A register asks an eye clinic for the data of 24 patients.`,
    "index.game.text": `
      A game in four levels. Make columns coarser, watch the classes grow and the
      information shrink, and send in the attacker.`,
    "index.cone": `The picture: when would you let it go?`,
    "index.cone.scene": `An eye clinic wants to publish drawn pictures instead of photographs.`,
    "index.cone.text": `
      A tour of the Cone of Privacy. Move a picture away from an original, decide, and
      compare your decision with the filter's.`,
    "index.reads": `The reads: how many until we know who it is?`,
    "index.reads.scene": `A stool sample study wants to publish the microbes it has sequenced.`,
    "index.reads.text": `
      A tour of the human reads that stay behind among microbes. Guess how many are too
      many, and see what read removal changes.`,
    "index.made": `Made up, and computed before your eyes`,
    "index.made.text": `
      Patients, names and places are made up. Every figure is computed by the page while you
      look, or stands in the documentation that the page names. The pages work with a
      keyboard and with a screen reader, in German and English.`,
    "index.docs": `How the workflow does it`,
    "index.docs.all": `All pages of the documentation`,
    "index.docs.cone": `The Cone of Privacy: formulas, measurements, limits`,
    "index.docs.risk": `Residual risk of human reads`,
    "index.docs.dossier": `The dossier for the privacy officer`,
    "game.lead": `
      The names are gone. Is the table anonymous now? Somebody who knows age, postcode and
      sex of a patient can look for the row. Make the columns coarser until he no longer
      finds it, and keep as much information as you can.`,
    "game.levels": `Levels`,
    "level.alone": `Nobody alone`,
    "level.alone.text": `
      A register of eye diseases asks an eye clinic for 24 rows. First send in the attacker
      and see whom he finds in the table as it is. Then make columns coarser until every
      patient looks like at least one other.`,
    "level.alone.won": `
      Nobody stands alone. But two are few: a patient who knows the own row knows the other
      one, too.`,
    "level.three": `At least three`,
    "level.three.text": `
      The register's rules ask for classes of at least three patients. There is one way to
      keep as much information as before.`,
    "level.three.won": `
      Every class is large enough. Now send in the attacker: he finds nobody, and still
      learns diagnoses. Do you see why?`,
    "level.same": `Not all the same`,
    "level.same.text": `
      Where all patients of a class have the same diagnosis, nobody needs to find the row.
      So the classes must differ inside: at least two diagnoses in each. This costs
      information.`,
    "level.same.won": `
      Nobody is found, and no diagnosis is certain. Look at what is left of the table: is it
      still of use to the register?`,
    "level.late": `A late patient`,
    "level.late.text": `
      A woman of 97 years comes into the table. Hardly anybody is as old as she is, so she
      stands out. Now whole rows may be left out, too; they count as lost information.`,
    "level.late.won": `
      You let the many keep their information by leaving out the few who stand out. These
      are often the very patients a register needs: the oldest, and those with rare
      diseases.`,
    "game.controls": `How much is shown`,
    "game.age": `Age`,
    "game.age.1": `exact`,
    "game.age.5": `5 years`,
    "game.age.10": `10 years`,
    "game.age.20": `20 years`,
    "game.age.0": `suppressed`,
    "game.postcode": `Postcode`,
    "game.postcode.short": `Postcode`,
    "game.postcode.5": `5 digits`,
    "game.postcode.3": `3 digits`,
    "game.postcode.2": `2 digits`,
    "game.postcode.0": `suppressed`,
    "game.sex": `Sex`,
    "game.sex.1": `shown`,
    "game.sex.0": `suppressed`,
    "game.drop": `Leave out rows in small classes`,
    "game.drop.0": `none`,
    "game.drop.2": `below 2`,
    "game.drop.3": `below 3`,
    "game.drop.4": `below 4`,
    "game.diagnosis": `Diagnosis`,
    "game.suppressed": `any`,
    "sex.f": `female`,
    "sex.m": `male`,
    "diagnosis.cataract": `cataract`,
    "diagnosis.glaucoma": `glaucoma`,
    "diagnosis.retinopathy": `diabetic retinopathy`,
    "diagnosis.macula": `macular degeneration`,
    "diagnosis.occlusion": `retinal vein occlusion`,
    "diagnosis.dystrophy": `inherited dystrophy`,
    "game.goals": `Goals`,
    "goal.k": `the smallest class has at least {wanted} patients; it has {value}.`,
    "goal.l": `every class has at least {wanted} diagnoses; the most uniform one has {value}.`,
    "goal.kept": `at least {wanted} of the information is kept; it is {value}.`,
    "figure.k": `k: size of the smallest class`,
    "figure.l": `l: fewest diagnoses in a class`,
    "figure.kept": `information kept`,
    "game.next": `Next level`,
    "game.again": `Start this level again`,
    "game.attack": `Send in the attacker`,
    "game.live": `k is {k}, l is {l}, {kept} of the information is kept.`,
    "game.live.won": `All goals are met.`,
    "game.patients.one": `{n} patient`,
    "game.patients.other": `{n} patients`,
    "game.classes": `The classes`,
    "game.classes.text": `
      Patients of a class look the same to somebody who knows age, postcode and sex. Large
      classes hide the row; mixed ones also hide the diagnosis.`,
    "game.class.alone": `stands alone`,
    "game.class.same": `all the same`,
    "game.class.mixed": `mixed`,
    "game.out.one": `{n} row is left out.`,
    "game.out.other": `{n} rows are left out.`,
    "game.table": `The table that the register gets`,
    "game.table.caption": `
      One row per patient; a line above each class. A dot stands for a digit that is hidden,
      a star for any value.`,
    "game.class": `Class`,
    "attack.title": `The attacker`,
    "attack.who": `
      He has the membership list of a made-up choir: names with age, postcode and sex. He
      knows that all of them were treated at the clinic. So he looks for rows that fit.`,
    "attack.caption": `People on his list, and what the table tells him`,
    "attack.name": `Name`,
    "attack.knows": `He knows`,
    "attack.learns": `He learns`,
    "attack.summary": `
      Of {of} people on the list he finds the row of {found}; of {told} more he learns the
      diagnosis without finding the row.`,
    "attack.mark.found": `Found.`,
    "attack.mark.told": `Diagnosis known.`,
    "attack.mark.hidden": `Hidden.`,
    "attack.found": `Only one row fits: {diagnosis}.`,
    "attack.same": `{n} rows fit, all with the same diagnosis: {diagnosis}.`,
    "attack.unsure": `{n} rows fit, with {l} different diagnoses.`,
    "attack.none": `No row fits; it was left out.`,
    "game.more": `How it is counted, and what it does not say`,
    "game.more.measures": `
      k-anonymity (Sweeney 2002): every class has at least k patients. Distinct l-diversity
      (Machanavajjhala and others 2007): every class has at least l different diagnoses.`,
    "game.more.kept": `
      Information kept is the share of the table's bits that is left (non-uniform entropy;
      Gionis and Tassa 2009). A cell with the value v that is shown as a set S of values
      loses log2(n(S) / n(v)) bits, where n counts rows of the full table. A row that is
      left out loses all of its bits.`,
    "game.more.formula": `kept = 1 − sum of lost bits / sum of log2(n / n(v))`,
    "game.more.limits": `
      Neither k nor l is a proof of anonymity. An attacker who knows more columns, who has a
      second table of the same patients, or who may bet on the most frequent diagnosis
      learns more than these figures say.`,
    "game.more.cone": `
      And a picture? It has no columns that could be made coarser. On to the picture.`,
    "cone.lead": `
      Move the picture away from the original: when would you let it go? Close to an
      original a drawn picture shows a patient; far away it shows nobody. The filter draws
      the border by angles and by how crowded it is.`,
    "cone.stop.0": `Your decision`,
    "cone.0.scene": `
      The eye clinic wants to publish drawn pictures of the fundus. A student of medicine
      asks: is this one still the photograph of patient A?`,
    "cone.0.text": `
      Each dot on the map is an original, each of a different patient. The diamond is the
      drawn picture; it starts exactly on original A. Move it away, compare the two
      pictures, and press the button as soon as you would let it go.`,
    "cone.stop.1": `Where nobody else is`,
    "cone.1.scene": `
      Patient J has an eye like nobody else in the clinic. Everybody who has seen it once
      would know it again.`,
    "cone.1.text": `
      Do the same with original J, which has no near neighbours. Would you let the picture
      go at the same distance as before?`,
    "cone.stop.2": `All cones`,
    "cone.2.scene": `
      A picture may be let go only if it lies outside the cones of all originals, not only
      of the one it was made from.`,
    "cone.2.text": `
      The hatched areas are the cones. Among many eyes a picture may come nearer, since
      several patients could be meant. Where it is sparse the cones open wide.`,
    "cone.stop.3": `Why keypoints are asked, too`,
    "cone.3.scene": `
      A drawn picture shows the eye of patient A with one half black. Any eye doctor sees
      whose vessels these are.`,
    "cone.3.text": `
      The fingerprint follows colour and shading. It moves far when a picture is cut or
      covered, and little with noise. Keypoints are marked places such as vessels and disc:
      they are found again in a cut or turned picture, and noise takes them away. So the
      workflow asks both, and a picture that either of them recognises is rejected. Choose
      how the copy is altered.`,
    "cone.map.section": `Map and pictures`,
    "cone.map": `Map with a movable picture. {where}`,
    "cone.keys": `
      Drag the diamond, press a place on the map, or use the arrow keys on the map (with
      Shift five degrees at a time) or these buttons:`,
    "cone.arrows": `Move the picture by one degree`,
    "cone.ArrowLeft": `left`,
    "cone.ArrowUp": `up`,
    "cone.ArrowDown": `down`,
    "cone.ArrowRight": `right`,
    "cone.legend": `
      Dots with letters: originals. Diamond: the drawn picture. Line: to the original that
      counts. Hatched, once shown: cones; the one with a full border is the one that counts.`,
    "cone.name.original": `Original {letter}`,
    "cone.name.candidate": `Drawn picture`,
    "cone.name.copied": `Original A`,
    "cone.name.copy": `Altered copy`,
    "cone.picture.original": `Schematic fundus of original {letter}`,
    "cone.picture.candidate": `
      Schematic fundus of the drawn picture, {angle} from original {letter}`,
    "cone.picture.copied": `Schematic fundus of original A, its keypoints marked with rings`,
    "cone.picture.copy": `
      Altered copy of original A: {alteration}; keypoints that are found again are marked
      with rings`,
    "cone.figure.angle": `angle to the original`,
    "cone.figure.half": `half-angle of its cone`,
    "cone.figure.risk": `risk (angle / half-angle)`,
    "cone.figure.decision": `decision`,
    "cone.accepted": `accepted`,
    "cone.rejected": `rejected`,
    "cone.live.hidden": `{angle} from original {letter}.`,
    "cone.live.accepted": `
      {angle} from original {letter}, half-angle {half}, risk {risk}: accepted.`,
    "cone.live.rejected": `
      {angle} from original {letter}, half-angle {half}, risk {risk}: rejected.`,
    "cone.let-go": `I would let it go here`,
    "cone.answer.later": `
      You let it go at {angle}. The filter would accept it there, too: its risk is {risk},
      above 1.`,
    "cone.answer.earlier": `
      You let it go at {angle}. The filter would still reject it: it is inside the cone of
      original {letter}, which opens to {half} here; its risk is {risk}, not above 1.`,
    "cone.compared": `Twice the same question`,
    "cone.compared.caption": `At which angle to its original each picture was let go`,
    "cone.compared.eye": `Original`,
    "cone.compared.you": `You`,
    "cone.compared.cone": `The filter, in your direction`,
    "cone.compared.0": `A, among many`,
    "cone.compared.1": `J, alone`,
    "cone.compared.text": `
      The filter asks for more distance where the originals are sparse. One fixed distance
      for all would let pictures of lonely eyes go too early, or hold back those of common
      ones too long.`,
    "cone.task": `
      find a place where the picture is accepted although it is nearer than {near} degrees
      to an original.`,
    "cone.task.done": `
      There it is near to one patient, and nearly as near to others. Around the lonely
      original J no such place exists.`,
    "cone.formula": `The formula`,
    "cone.formula.risk": `risk(g) = smallest of θ(g, x) / Θ(g) over all originals x`,
    "cone.formula.half": `Θ(g) = c · R^β · ρ(g)^(1 − β), at least R`,
    "cone.formula.text": `
      θ is the angle between the picture g and an original x, Θ half the opening of that
      original's cone, R its own radius (how far its altered copies lie from it), and ρ the
      mean angle from g to the k nearest other originals. A picture is accepted if its risk
      is above 1.`,
    "cone.settings": `On this map c = {c}, β = {beta}, k = {k}, and R = {own}° for all originals.`,
    "cone.simple": `
      The map is a simplification. Real fingerprints are directions in a space of many
      dimensions, and their angles do not fit on a plane; R differs from original to
      original; c is set so that altered copies of originals are rejected, and c and k were
      chosen for this map. The pictures are drawn from their place on the map, so here near
      is alike by design.`,
    "cone.docs": `The definition, what was measured, and the limits`,
    "cone.alteration": `The copy of original A is`,
    "alteration.none": `unaltered`,
    "alteration.turned": `turned`,
    "alteration.covered": `half covered`,
    "alteration.cut": `cut to the middle`,
    "alteration.noise": `noisy`,
    "cone.fingerprint.near": `
      Fingerprint: the copy lies {angle} from its original, nearer than any other eye
      ({other}). A cone can hold it.`,
    "cone.fingerprint.far": `
      Fingerprint: the copy lies {angle} from its original, farther than another eye
      ({other}). A cone that holds it would swallow other patients' eyes, too.`,
    "cone.keypoints.yes": `
      Keypoints: {found} of {of} are found again; {needed} are enough. They recognise the
      eye.`,
    "cone.keypoints.no": `
      Keypoints: {found} of {of} are found again, and {needed} would be needed. They do not
      recognise the eye.`,
    "cone.both.both": `Together: both see the copy.`,
    "cone.both.cone": `Together: the cone has to see this one.`,
    "cone.both.keypoints": `Together: the keypoints have to see this one.`,
    "cone.both.none": `Together: neither sees the copy. It would be let go.`,
    "cone.3.sketch": `
      Fingerprint and keypoints of this page are sketches that it computes from its own
      drawings: the mean brightness of small squares, and a dozen marked places. The
      workflow has a trained encoder and SIFT keypoints.`,
    "cone.measured": `What was measured on real photographs`,
    "cone.measured.caption": `
      Altered copies that the workflow's keypoints recognise, of 100 each, at 64 pixels`,
    "cone.measured.copies": `Copies`,
    "cone.measured.found": `Recognised`,
    "cone.measured.noise": `strong JPEG; strong noise`,
    "cone.measured.several": `turned, cut, gamma and JPEG together`,
    "cone.measured.small": `shrunk to half on noise`,
    "cone.measured.turned": `
      turned, mirrored, cut, half covered, pasted, blended, recoloured and others`,
    "cone.measured.turned.value": `98 to 100`,
    "cone.measured.together": `
      Cones alone accepted 52 to 76 % of held-out pictures of real eyes, since they must
      open wide for covered and cut copies. Together with keypoints it was 91 %, and
      none of 85 test patients was missed (at most 4.2 %).`,
    "cone.docs.verifier": `Source of the table: the verifier`,
    "cone.docs.together": `Source of the shares: decision 0057`,
    "cone.more": `Pictures are not all. On to the reads.`,
    "reads.lead": `
      Human DNA stays behind in every sample of microbes. A read is a piece of DNA of about
      150 letters (bases). One piece tells next to nothing about whom it comes from. How
      many until we know who it is?`,
    "reads.stop.0": `Your guess`,
    "reads.0.scene": `
      A study publishes the microbes of a stool sample. The donor is one of {city}
      inhabitants of a city. The attacker knows the DNA of every one of them: the worst
      case.`,
    "reads.0.text": `How many human reads in the sample are enough to point at the donor?`,
    "reads.guess": `Number of reads`,
    "reads.guess.show": `Show`,
    "reads.guess.close": `You guessed {guess}. The simple model says {needed}: close.`,
    "reads.guess.fewer": `You guessed {guess}. Fewer are enough: the simple model says {needed}.`,
    "reads.guess.more": `You guessed {guess}. It takes more: the simple model says {needed}.`,
    "reads.guess.why": `
      To tell one of {city} people from all others with a probability of {posterior}, {bits}
      bits are needed; each bit halves the number of people who come into question. A read
      of {bases} bases tells {each} bits on average.`,
    "reads.stop.1": `Read by read`,
    "reads.1.scene": `
      The stool sample study has sent one sample to a public archive. The human reads in it
      were overlooked.`,
    "reads.1.text": `
      Move the slider and watch who is left. An informative variant is a place of the genome
      where people differ: the rarer form is found in at least one of a hundred copies.`,
    "reads.slider": `Human reads left in the sample`,
    "reads.value.one": `{n} read`,
    "reads.value.other": `{n} reads`,
    "reads.city": `The donor is one of`,
    "reads.city.2000": `{n} in a village`,
    "reads.city.50000": `{n} in a town`,
    "reads.city.1000000": `{n} in a city`,
    "reads.city.80000000": `{n} in a country`,
    "reads.bases": `A read shows`,
    "reads.bases.100": `100 bases`,
    "reads.bases.150": `150 bases`,
    "reads.bases.300": `2 × 150 bases`,
    "reads.figure.reads": `reads left`,
    "reads.figure.variants": `informative variants, expected`,
    "reads.figure.bits": `bits, expected`,
    "reads.figure.left": `people who fit as well`,
    "reads.figure.posterior": `probability that the best match is the donor`,
    "reads.below": `under 0.1 %`,
    "reads.singled": `The donor is singled out: it takes {needed} reads in a population of {city}.`,
    "reads.unsingled": `
      The donor is not singled out yet: it takes {needed} reads in a population of {city}.`,
    "reads.dots": `
      Each dot stands for {each} people. {n} of {dots} are filled (at least one always is).
      Equally good fits: {left} of {city} people.`,
    "reads.live": `{bits} bits expected. Equally good fits: {left} of {city} people.`,
    "reads.stop.2": `What read removal changes`,
    "reads.2.scene": `
      Before the next sample is published, the study removes human reads. No tool finds all
      of them.`,
    "reads.2.text": `
      Choose how many human reads were in the sample and how many of them the tool misses.
      Reads show 150 bases unless you chose otherwise at the stop before.`,
    "reads.human": `Human reads in the sample`,
    "reads.missed": `The tool misses`,
    "reads.missed.none": `all (no removal)`,
    "reads.missed.share": `one in {n}`,
    "reads.figure.human": `human reads before`,
    "reads.figure.remaining": `left after removal, expected`,
    "reads.figure.before": `bits before`,
    "reads.figure.after": `bits after`,
    "reads.over": `over {n}`,
    "reads.gate.ok": `Within the limit.`,
    "reads.gate.not": `Above the limit.`,
    "reads.gate.within": `
      {bits} expected bits are within {gate}. A sample may hold {most} such reads on
      average; then about {share} people fit as well as the donor.`,
    "reads.gate.above": `
      {bits} expected bits are more than {gate}. A sample may hold {most} such reads on
      average; then about {share} people fit as well as the donor.`,
    "reads.2.gates": `
      A release of cleaned reads has limits that are fixed before the run: by default at
      most {gate} bits left, and at most {missed} of spike-ins that no tool calls human. It
      holds the upper limits of what was measured against them, not expected values as here.`,
    "reads.docs.gates": `When a cleaned FASTQ may be published`,
    "reads.stop.3": `The model, and what it leaves out`,
    "reads.model.text": `
      The model is the one that a release uses when it knows no allele frequencies: variants
      as a population of constant size has them, genotypes in Hardy-Weinberg proportions,
      one of the two copies shown by each read, reads and variants independent, no
      sequencing errors.`,
    "reads.model.formula": `
      bits = reads · bases · ∫ (d / p) · (H(p) − 2p(1 − p)) dp, with p from 1 / (2N) to 1 −
      1 / (2N)`,
    "reads.model.left": `people who fit as well = N / 2^bits, at least 1`,
    "reads.model.posterior": `probability = 1 / (1 + (N − 1) / 2^bits)`,
    "reads.model.numbers": `
      N is the number of people, p the frequency of the newer form of a variant, H(p) its
      entropy in bits, and d = {diversity} the chance that two copies of the genome differ
      at a base (the default risk.diversity). That makes {base} bits per 1,000 bases for a
      million people. Informative variants are those with a rarer form of at least {common}:
      reads · bases · d · ln(99).`,
    "reads.model.source": `
      Sources: Watterson 1975 and Fu 1995 for the frequencies; the function from_spectrum in
      workflow/scripts/avatarflow/reads/release/information.py draws what this page
      integrates, and a test compares the two.`,
    "reads.model.too-high": `The model says rather too much`,
    "reads.model.check": `
      For {fragments} fragments with {bases} bases read, this page computes {ours} bits.
      Measured on 300 people of a real panel, with errors of 1 % and linkage, it was 22.3
      bits on average, and the donor ranked first in 99.3 % of the cases. Neighbouring
      variants repeat each other, and errors blur.`,
    "reads.docs.decision": `Source of the measured figures: decision 0016`,
    "reads.not": `What no figure here says`,
    "reads.not.kin": `Relatives: a brother or a daughter in a database points at the donor, too.`,
    "reads.not.sex": `Sex: reads of the Y chromosome tell it long before the person is known.`,
    "reads.not.microbes": `Microbes: strains of the gut alone can identify people (Franzosa 2015).`,
    "reads.not.reference": `
      Sequence that the reference lacks: tools that compare with it miss it more often.`,
    "reads.docs.risk": `Residual risk: models, bounds, limits`,
  };
})((globalThis.Learn ??= {}));
