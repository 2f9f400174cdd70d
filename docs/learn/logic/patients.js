/* Made-up patients, a made-up list of names, and the levels of the game.

No German postcode begins with 43 or 62, so none of these addresses exists. */
((Learn) => {
  "use strict";

  const TABLE = [
    [30, "43718", "m", "retinopathy"],
    [76, "62019", "f", "glaucoma"],
    [21, "62833", "f", "dystrophy"],
    [51, "43112", "m", "glaucoma"],
    [65, "43105", "f", "glaucoma"],
    [24, "62833", "m", "dystrophy"],
    [32, "43718", "m", "retinopathy"],
    [56, "62809", "m", "retinopathy"],
    [74, "62833", "m", "macula"],
    [39, "43112", "m", "dystrophy"],
    [75, "43112", "f", "cataract"],
    [42, "43740", "m", "retinopathy"],
    [30, "62833", "f", "dystrophy"],
    [45, "62004", "f", "dystrophy"],
    [66, "62809", "f", "cataract"],
    [56, "43105", "m", "retinopathy"],
    [68, "43112", "m", "macula"],
    [33, "62809", "m", "dystrophy"],
    [57, "62019", "f", "occlusion"],
    [77, "62019", "m", "macula"],
    [31, "43112", "m", "retinopathy"],
    [43, "43112", "m", "glaucoma"],
    [77, "43105", "m", "cataract"],
    [47, "62809", "m", "glaucoma"],
  ];
  const LATE = [97, "62004", "f", "glaucoma"];

  const LIST = [
    ["Mara Lindholz", 21, "62833", "f"],
    ["Jonas Abendrot", 33, "62809", "m"],
    ["Emre Talmann", 31, "43112", "m"],
    ["Ole Kranich", 42, "43740", "m"],
    ["Piet Sandberg", 43, "43112", "m"],
    ["Ines Moorbach", 45, "62004", "f"],
    ["Rosa Fenneker", 57, "62019", "f"],
    ["Hanne Wiesel", 65, "43105", "f"],
    ["Kurt Ostermoor", 74, "62833", "m"],
    ["Adele Birnstiel", 76, "62019", "f"],
  ];
  const LATE_NAME = ["Wilma Hagedorn", 97, "62004", "f"];

  const row = ([age, postcode, sex, diagnosis]) => ({ age, postcode, sex, diagnosis });
  const person = ([name, age, postcode, sex]) => ({ name, age, postcode, sex });

  const patients = TABLE.map(row);
  const people = LIST.map(person);
  const withLate = { patients: [...patients, row(LATE)], people: [...people, person(LATE_NAME)] };

  /* `drop`: whether rows may be left out. A test looks at all settings: each level can be passed,
  level 3 by no solution of level 2, and level 4 only by leaving rows out. */
  const levels = [
    { id: "alone", patients, people, drop: false, goals: { k: 2, kept: 0.45 } },
    { id: "three", patients, people, drop: false, goals: { k: 3, kept: 0.45 } },
    { id: "same", patients, people, drop: false, goals: { k: 3, l: 2, kept: 0.35 } },
    { id: "late", ...withLate, drop: true, goals: { k: 3, l: 2, kept: 0.36 } },
  ];
  const start = { age: 1, postcode: 5, sex: 1, drop: 0 };
  const diagnoses = [...new Set(patients.map((each) => each.diagnosis))].sort();

  Learn.patients = { patients, people, levels, start, diagnoses };
})((globalThis.Learn ??= {}));
