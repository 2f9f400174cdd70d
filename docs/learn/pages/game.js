/* The game: settings, classes, goals, table and attacker of a level. */
((Learn) => {
  "use strict";

  const { say, count, percent, make, fill, announce, radios, stops, focusHeading, start } =
    Learn.page;
  const { STEPS, SUPPRESSED, generalise, classes, assess, attack, goals, passed } = Learn.anonymity;
  const { levels } = Learn.patients;
  const state = { level: 0, settings: { ...Learn.patients.start }, attacked: false };
  const done = new Set();

  const level = () => levels[state.level];
  const diagnosis = (name) => say(`diagnosis.${name}`);

  /** A value as it is shown: ages with a dash, sexes as words, suppressed ones as a word. */
  function shown(column, row) {
    const value = generalise(column, row[column], state.settings);
    if (value === SUPPRESSED) return say("game.suppressed");
    if (column === "diagnosis") return diagnosis(value);
    if (column === "sex") return say(`sex.${value}`);
    return value.replace("-", "–").replaceAll("*", "·");
  }

  /** A star to see and a word to hear. */
  function starred() {
    const word = make("span", { class: "unseen" }, say("game.suppressed"));
    return make("span", {}, make("span", { "aria-hidden": "true" }, SUPPRESSED), word);
  }

  function controls() {
    const names = level().drop ? ["age", "postcode", "sex", "drop"] : ["age", "postcode", "sex"];
    fill("controls", ...names.map((name) => {
      const options = STEPS[name].map((step) => [step, say(`game.${name}.${step}`)]);
      return radios(name, say(`game.${name}`), options, state.settings[name], (value) => {
        state.settings[name] = value;
        results();
      });
    }));
  }

  function goalList(result) {
    const words = { k: result.k, l: result.l, kept: percent(result.kept) };
    const holds = goals(level(), result);
    fill("goals", ...Object.entries(level().goals).map(([name, goal]) => {
      const wanted = name === "kept" ? percent(goal) : goal;
      const mark = say(holds[name] ? "goal.met" : "goal.open");
      return make("li", { class: holds[name] ? "met" : "open" },
        make("strong", {}, mark), ` ${say(`goal.${name}`, { wanted, value: words[name] })}`);
    }));
  }

  function figures(result) {
    const tiles = [["k", result.k], ["l", result.l], ["kept", percent(result.kept)]];
    fill("figures", ...tiles.flatMap(([name, value]) => [
      make("div", { class: "tile" }, make("dt", {}, say(`figure.${name}`)), make("dd", {}, value)),
    ]));
    document.getElementById("bar").style.width = `${100 * result.kept}%`;
  }

  /** Each class as a box of its patients' diagnoses: long boxes are high k, many words high l. */
  function boxes(groups) {
    const patients = level().patients;
    fill("classes", ...groups.left.map((members) => {
      const names = members.map((index) => diagnosis(patients[index].diagnosis));
      const kinds = new Map();
      names.forEach((name) => kinds.set(name, (kinds.get(name) || 0) + 1));
      const parts = [...kinds].map(([name, n]) =>
        make("span", { class: "part" }, `${n} × ${name}`));
      const key = ["age", "postcode", "sex"].map((column) => shown(column, patients[members[0]]));
      const remark = members.length === 1 ? "alone" : kinds.size === 1 ? "same" : "mixed";
      return make("li", { class: remark },
        make("strong", {}, count("game.patients", members.length)),
        make("span", { class: "key" }, key.join(" · ")),
        ...parts, make("em", {}, say(`game.class.${remark}`)));
    }));
  }

  function table(groups) {
    const patients = level().patients;
    const columns = ["age", "postcode", "sex", "diagnosis"];
    const line = (index, name, first) => make("tr", { class: first ? "first" : null },
      make("th", { scope: "row" }, name),
      ...columns.map((column) => make("td", { class: column === "diagnosis" ? null : "plain" },
        generalise(column, patients[index][column], state.settings) === SUPPRESSED
          ? starred() : shown(column, patients[index]))));
    fill("rows", ...groups.left.flatMap((members, group) =>
      members.map((index, place) => line(index, String(group + 1), place === 0))));
    fill("out", groups.out.length ? count("game.out", groups.out.length) : "");
  }

  function learnt(person) {
    if (person.rows === 0) return say("attack.none");
    if (person.found) return say("attack.found", { diagnosis: diagnosis(person.diagnosis) });
    if (person.diagnosis) {
      return say("attack.same", { n: person.rows, diagnosis: diagnosis(person.diagnosis) });
    }
    return say("attack.unsure", { n: person.rows, l: person.diagnoses.length });
  }

  function attacker() {
    document.getElementById("attack-result").hidden = !state.attacked;
    if (!state.attacked) return "";
    const people = attack(level().patients, level().people, state.settings);
    fill("attack-rows", ...people.map((person, index) => {
      const known = level().people[index];
      const outcome = person.found ? "found" : person.diagnosis ? "told" : "hidden";
      return make("tr", { class: outcome },
        make("th", { scope: "row" }, person.name),
        make("td", {}, `${known.age} · ${known.postcode} · ${say(`sex.${known.sex}`)}`),
        make("td", {}, make("strong", {}, say(`attack.mark.${outcome}`)), ` ${learnt(person)}`));
    }));
    const found = people.filter((person) => person.found).length;
    const told = people.filter((person) => person.diagnosis && !person.found).length;
    const sentence = say("attack.summary", { found, told, of: people.length });
    fill("attack-summary", sentence);
    return sentence;
  }

  function results() {
    const groups = classes(level().patients, state.settings);
    const result = assess(level().patients, state.settings);
    const won = passed(level(), result);
    goalList(result);
    figures(result);
    boxes(groups);
    table(groups);
    const attacked = attacker();
    if (won) done.add(state.level);
    stops("levels", levels.map((each) => say(`level.${each.id}`)), state.level, done, go,
      "level.done");
    document.getElementById("won").hidden = !won;
    document.getElementById("next-level").hidden = state.level === levels.length - 1;
    fill("won-text", say(`level.${level().id}.won`));
    announce("live", [
      say("game.live", { k: result.k, l: result.l, kept: percent(result.kept) }),
      won ? say("game.live.won") : "", attacked,
    ].join(" ").trim());
  }

  function show() {
    fill("level-title", say(`level.${level().id}`));
    fill("level-text", say(`level.${level().id}.text`));
    controls();
    results();
  }

  function go(index) {
    state.level = index;
    state.settings = { ...Learn.patients.start };
    state.attacked = false;
    show();
    focusHeading("level-title");
  }

  document.getElementById("attack").addEventListener("click", () => {
    state.attacked = true;
    results();
    focusHeading("attack-title");
  });
  document.getElementById("next-level").addEventListener("click", () => go(state.level + 1));
  document.getElementById("again").addEventListener("click", () => go(state.level));
  start(show);
})(globalThis.Learn);
