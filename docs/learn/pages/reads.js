/* The tour of the reads: a guess, a slider, removal, and what the model leaves out. */
((Learn) => {
  "use strict";

  const { say, count, number, rounded, percent, make, svg, fill, announce, radios, tour, start } =
    Learn.page;
  const model = Learn.reads;
  const READS = [0, 1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 500, 1000];
  const HUMAN = [1000, 10_000, 100_000, 1_000_000, 10_000_000];
  const CITIES = [2000, 50_000, 1_000_000, 80_000_000];
  const MISSED = [1, 0.1, 0.01, 0.001, 0.0001, 0.00001];
  const BASES = [100, 150, 300];
  const DOTS = 400;
  const MANY_BITS = 100;
  const GUESSED_CITY = 1_000_000; // the default of `risk.population`
  const GUESSED_BASES = 150;
  const CHECK = { fragments: 100, bases: 300 }; // the row of decision 0016 that is quoted

  const state = {
    guess: null, reads: 20, city: 1_000_000, bases: 150, human: 100_000, missed: 1,
  };
  let stopsShown = null;

  const expected = (reads) => model.bits(reads, state.bases, state.city);

  /** Bits; a genome is known long before the sum of the model means anything. */
  function bitsShown(amount) {
    return amount > MANY_BITS ? say("reads.over", { n: number(MANY_BITS) }) : number(amount, 1);
  }

  function tiles(id, names) {
    fill(id, ...names.map(([name, value]) => make("div", { class: "tile" },
      make("dt", {}, say(`reads.figure.${name}`)), make("dd", {}, value))));
  }

  function guessed() {
    document.getElementById("guess-result").hidden = state.guess === null;
    if (state.guess === null) return;
    const needed = model.readsToSingleOut(GUESSED_BASES, GUESSED_CITY);
    const ratio = state.guess / needed;
    const key = ratio > 1.5 ? "fewer" : ratio < 1 / 1.5 ? "more" : "close";
    const values = {
      guess: number(state.guess), needed: number(needed), bases: number(GUESSED_BASES),
      bits: number(model.bitsToSingleOut(GUESSED_CITY), 1), city: number(GUESSED_CITY),
      each: number(model.bits(1, GUESSED_BASES, GUESSED_CITY), 2),
      posterior: percent(model.SINGLED_OUT),
    };
    fill("guess-result", make("p", {}, make("strong", {}, say(`reads.guess.${key}`, values))),
      make("p", {}, say("reads.guess.why", values)));
    announce("live-guess", say(`reads.guess.${key}`, values));
  }

  /** The city as dots; those that still come into question are filled, the others are rings. */
  function dots(id, amount) {
    const left = model.candidates(amount, state.city);
    const filled = Math.max(1, Math.round((DOTS * left) / state.city));
    fill(id, ...Array.from({ length: DOTS }, (_, index) => {
      const place = (index * 149) % DOTS; // spread over the square, always the same
      return svg("circle", {
        class: index < filled ? "left" : "gone", cx: (place % 20) + 0.5,
        cy: Math.floor(place / 20) + 0.5, r: index < filled ? 0.36 : 0.14,
      });
    }));
    fill(`${id}-text`, say("reads.dots", {
      n: number(filled), dots: number(DOTS), each: rounded(state.city / DOTS),
      left: rounded(left), city: number(state.city),
    }));
  }

  function slid() {
    const amount = expected(state.reads);
    const left = model.candidates(amount, state.city);
    const posterior = model.posterior(amount, state.city);
    tiles("slide-figures", [
      ["reads", number(state.reads)],
      ["variants", rounded(model.variants(state.reads, state.bases))],
      ["bits", bitsShown(amount)],
      ["left", rounded(left)],
      ["posterior", posterior < 0.001 ? say("reads.below") : percent(posterior)],
    ]);
    const out = posterior >= model.SINGLED_OUT ? "reads.singled" : "reads.unsingled";
    const needed = model.readsToSingleOut(state.bases, state.city);
    fill("slide-text", say(out, { needed: number(needed), city: number(state.city) }));
    dots("dots", amount);
    const slider = document.getElementById("slider");
    slider.setAttribute("aria-valuetext", count("reads.value", state.reads));
    fill("slider-value", count("reads.value", state.reads));
    announce("live-slide", say("reads.live", {
      bits: bitsShown(amount), left: rounded(left), city: number(state.city),
    }));
  }

  function removed() {
    const remaining = state.human * state.missed;
    const before = expected(state.human);
    const after = expected(remaining);
    tiles("removal-figures", [
      ["human", number(state.human)],
      ["remaining", rounded(remaining)],
      ["before", bitsShown(before)],
      ["after", bitsShown(after)],
      ["left", rounded(model.candidates(after, state.city))],
    ]);
    const within = after <= model.GATE_BITS;
    const sentence = say(within ? "reads.gate.within" : "reads.gate.above", {
      bits: bitsShown(after), gate: number(model.GATE_BITS),
      most: number(model.readsWithin(model.GATE_BITS, state.bases, state.city)),
      share: rounded(state.city / 2 ** model.GATE_BITS),
    });
    const mark = say(within ? "reads.gate.ok" : "reads.gate.not");
    fill("removal-text", make("strong", {}, mark), ` ${sentence}`);
    dots("dots-after", after);
    announce("live-removal", sentence);
  }

  function results() {
    guessed();
    slid();
    removed();
  }

  function choose(id, name, values, label) {
    fill(id, radios(`${id}-${name}`, say(`reads.${name}`),
      values.map((value) => [value, label(value)]), state[name],
      (value) => { state[name] = value; results(); }));
  }

  function controls() {
    const people = (value) => say(`reads.city.${value}`, { n: number(value) });
    const missed = (value) => say(value === 1 ? "reads.missed.none" : "reads.missed.share",
      { n: number(1 / value) });
    choose("slide-city", "city", CITIES, people);
    choose("slide-bases", "bases", BASES, (value) => say(`reads.bases.${value}`));
    choose("removal-city", "city", CITIES, people);
    choose("removal-human", "human", HUMAN, (value) => number(value));
    choose("removal-missed", "missed", MISSED, missed);
  }

  function modelText() {
    fill("model-numbers", say("reads.model.numbers", {
      diversity: number(model.DIVERSITY, 3), common: percent(model.COMMON),
      base: number(1000 * model.bitsPerBase(GUESSED_CITY), 2),
    }));
    fill("model-check", say("reads.model.check", {
      fragments: number(CHECK.fragments), bases: number(CHECK.bases),
      ours: number(model.bits(CHECK.fragments, CHECK.bases, GUESSED_CITY), 1),
    }));
  }

  function show() {
    stopsShown.show();
    fill("scene", say("reads.0.scene", { city: number(GUESSED_CITY) }));
    fill("gates", say("reads.2.gates", {
      gate: number(model.GATE_BITS), missed: percent(model.GATE_MISSED),
    }));
    controls();
    modelText();
    results();
  }

  const slider = document.getElementById("slider");
  slider.max = READS.length - 1;
  slider.value = READS.indexOf(state.reads);
  slider.addEventListener("input", () => {
    state.reads = READS[Number(slider.value)];
    slid();
  });
  document.getElementById("guess-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const guess = Number(document.getElementById("guess").value);
    if (!(guess >= 1)) return;
    state.guess = Math.round(guess);
    guessed();
  });

  stopsShown = tour(["reads.stop.0", "reads.stop.1", "reads.stop.2", "reads.stop.3"], show);
  start(show);
})(globalThis.Learn);
