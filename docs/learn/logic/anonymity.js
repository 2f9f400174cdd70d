/* Equivalence classes, k, l, information kept and the linkage attack of a small table.

A row is {age, postcode, sex, diagnosis}; settings are {age, postcode, sex, drop}:
  age       width of the age bands in years; 1 keeps the age, 0 suppresses the column
  postcode  digits that stay; 0 suppresses the column
  sex       1 keeps the column, 0 suppresses it
  drop      rows whose class has fewer rows than this are left out
Everything here is a pure function: no page, no clock, no chance. */
((Learn) => {
  "use strict";

  const STEPS = { age: [1, 5, 10, 20, 0], postcode: [5, 3, 2, 0], sex: [1, 0], drop: [0, 2, 3, 4] };
  const KEYS = ["age", "postcode", "sex"];
  const SUPPRESSED = "*";

  /** One value of a column as the settings show it: "47", "40-59", "43***" or "*". */
  function generalise(column, value, settings) {
    const step = settings[column];
    if (column === "diagnosis") return value;
    if (step === 0) return SUPPRESSED;
    if (column === "age" && step > 1) {
      const from = Math.floor(value / step) * step;
      return `${from}-${from + step - 1}`;
    }
    if (column === "postcode") return value.slice(0, step) + "*".repeat(value.length - step);
    return String(value);
  }

  /** What a row looks like to somebody who knows age, postcode and sex. */
  function signature(row, settings) {
    return KEYS.map((column) => generalise(column, row[column], settings)).join("|");
  }

  function distinct(values) {
    return [...new Set(values)].sort();
  }

  /** Equivalence classes as lists of row numbers; `left` are released, `out` are left out. */
  function classes(rows, settings) {
    const groups = new Map();
    rows.forEach((row, index) => {
      const key = signature(row, settings);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(index);
    });
    const sorted = [...groups.keys()].sort().map((key) => groups.get(key));
    return {
      left: sorted.filter((members) => members.length >= settings.drop),
      out: sorted.filter((members) => members.length < settings.drop).flat(),
    };
  }

  function counts(values) {
    const table = new Map();
    for (const value of values) table.set(value, (table.get(value) || 0) + 1);
    return table;
  }

  /** Share of the bits of the original table that the released one still holds.

  A cell with the value v that is shown as a set S loses log2(n(S) / n(v)) bits, a cell of a row
  that is left out loses log2(n / n(v)); n counts rows of the original table (non-uniform entropy:
  Gionis and Tassa 2009, IEEE TKDE 21:206). The bits of the table are what all cells would lose. */
  function informationKept(rows, settings) {
    const out = new Set(classes(rows, settings).out);
    let lost = 0;
    let whole = 0;
    for (const column of [...KEYS, "diagnosis"]) {
      const exact = counts(rows.map((row) => row[column]));
      const shown = rows.map((row) => generalise(column, row[column], settings));
      const sets = counts(shown);
      rows.forEach((row, index) => {
        const all = Math.log2(rows.length / exact.get(row[column]));
        const set = Math.log2(sets.get(shown[index]) / exact.get(row[column]));
        whole += all;
        lost += out.has(index) ? all : set;
      });
    }
    return whole === 0 ? 1 : 1 - lost / whole;
  }

  /** k, l (distinct diagnoses), information kept and rows left out; k = l = 0 without any row. */
  function assess(rows, settings) {
    const { left, out } = classes(rows, settings);
    const kinds = left.map((members) => distinct(members.map((i) => rows[i].diagnosis)).length);
    return {
      k: left.length ? Math.min(...left.map((members) => members.length)) : 0,
      l: left.length ? Math.min(...kinds) : 0,
      kept: informationKept(rows, settings),
      leftOut: out.length,
      classes: left.length,
    };
  }

  /** What somebody learns who knows age, postcode and sex of people, and that all were treated.

  Per person: `rows` released rows that fit; `found` if it is one; `diagnosis` if all rows that fit
  have the same. */
  function attack(rows, people, settings) {
    const left = classes(rows, settings).left.flat();
    return people.map((person) => {
      const known = signature(person, settings);
      const fits = left.filter((index) => signature(rows[index], settings) === known);
      const diagnoses = distinct(fits.map((index) => rows[index].diagnosis));
      return {
        name: person.name,
        rows: fits.length,
        found: fits.length === 1,
        diagnoses,
        diagnosis: diagnoses.length === 1 ? diagnoses[0] : null,
      };
    });
  }

  /** Which goals {k, l, kept, leftOut} of a level hold; goals that a level lacks are left out. */
  function goals(level, result) {
    const holds = {};
    for (const name of ["k", "l", "kept"]) {
      if (name in level.goals) holds[name] = result[name] >= level.goals[name];
    }
    return holds;
  }

  function passed(level, result) {
    return Object.values(goals(level, result)).every(Boolean);
  }

  Learn.anonymity = {
    STEPS, KEYS, SUPPRESSED, generalise, signature, classes, informationKept, assess, attack, goals,
    passed,
  };
})((globalThis.Learn ??= {}));
