/* The tour of the cone: a map with originals, a movable picture, its risk, and keypoints. */
((Learn) => {
  "use strict";

  const { say, number, make, svg, fill, announce, radios, tour, start } = Learn.page;
  const { SIZE, ORIGINALS, CROWDED, ALONE, SETTINGS, angle, judge, outline, within } = Learn.cone;
  const { ALTERATIONS, NEEDED, eye, evidence } = Learn.fundus;
  const { draw } = Learn.drawing;
  const NEAR_DEG = 9; // the task of the third stop: accepted, and nearer than this to an original
  const STEP_DEG = 1;
  const OUTLINES = ORIGINALS.map((_, i) => outline(i));
  const HOMES = { 0: CROWDED, 1: ALONE };

  const state = {
    at: { ...ORIGINALS[CROWDED] }, answers: {}, alteration: "covered", solved: false,
  };
  const map = document.getElementById("map");
  let stopsShown = null;

  const deg = (value) => `${number(value, 1)}°`;
  const stop = () => (stopsShown ? stopsShown.at() : 0);
  /** The first two stops hide the cones until the visitor has answered. */
  const open = () => !(stop() in HOMES) || stop() in state.answers;

  /** The original that is shown beside the candidate. */
  function reference() {
    return stop() in HOMES && !open() ? HOMES[stop()] : judge(state.at).matched;
  }

  function letter(i) {
    return String.fromCharCode(65 + i);
  }

  function paintMap() {
    const result = judge(state.at);
    const shown = reference();
    const cones = open() ? OUTLINES.map((places, i) => svg("polygon", {
      class: i === result.matched ? "cone matched" : "cone",
      points: places.map(({ x, y }) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" "),
    })) : [];
    const originals = ORIGINALS.flatMap(({ x, y }, i) => [
      svg("circle", { class: i === shown ? "original shown" : "original", cx: x, cy: y, r: 1.5 }),
      svg("text", { x: x + 2, y: y - 1.6 }, letter(i)),
    ]);
    const { x, y } = state.at;
    const line = svg("line", {
      class: "distance", x1: ORIGINALS[shown].x, y1: ORIGINALS[shown].y, x2: x, y2: y,
    });
    const handle = svg("path", {
      class: "candidate", d: `M ${x} ${y - 2.6} l 2.6 2.6 l -2.6 2.6 l -2.6 -2.6 z`,
    });
    document.getElementById("scene").replaceChildren(...cones, line, ...originals, handle);
  }

  /** What the screen reader hears, and what stands under the map. */
  function sentence() {
    const result = judge(state.at);
    const shown = reference();
    const away = { letter: letter(shown), angle: deg(angle(state.at, ORIGINALS[shown])) };
    if (!open()) return say("cone.live.hidden", away);
    const key = result.accepted ? "cone.live.accepted" : "cone.live.rejected";
    return say(key, { ...away, half: deg(result.halfAngle), risk: number(result.risk, 2) });
  }

  function figures() {
    const result = judge(state.at);
    const shown = reference();
    const tiles = [["angle", deg(angle(state.at, ORIGINALS[shown]))]];
    if (open()) {
      tiles.push(["half", deg(result.halfAngle)], ["risk", number(result.risk, 2)],
        ["decision", say(result.accepted ? "cone.accepted" : "cone.rejected")]);
    }
    fill("figures", ...tiles.map(([name, value]) => make("div", { class: "tile" },
      make("dt", {}, say(`cone.figure.${name}`)), make("dd", {}, value))));
  }

  function answerText(answer) {
    return say(answer.risk > 1 ? "cone.answer.later" : "cone.answer.earlier", {
      angle: deg(answer.angle), risk: number(answer.risk, 2), half: deg(answer.halfAngle),
      letter: letter(answer.matched),
    });
  }

  function answered() {
    const answer = state.answers[stop()];
    document.getElementById("let-go").hidden = !(stop() in HOMES);
    document.getElementById("answer").hidden = !answer;
    if (answer) {
      document.getElementById("answer").className = answer.risk > 1 ? "won" : "won not-yet";
      fill("answer", answerText(answer));
    }
    const both = [0, 1].map((i) => state.answers[i]).filter(Boolean);
    document.getElementById("compared").hidden = !(stop() === 1 && both.length === 2);
    fill("compared-rows", ...both.map((each, i) => make("tr", {},
      make("th", { scope: "row" }, say(`cone.compared.${i}`)), make("td", {}, deg(each.angle)),
      make("td", {}, deg(each.border)))));
  }

  /** The task of the third stop; returns what is new about it. */
  function task() {
    const result = judge(state.at);
    const solved = stop() === 2 && result.accepted && result.angle < NEAR_DEG;
    const news = solved && !state.solved ? say("cone.task.done") : "";
    state.solved ||= solved;
    const mark = say(state.solved ? "goal.met" : "goal.open");
    fill("task", make("strong", {}, mark), ` ${say("cone.task", { near: number(NEAR_DEG) })}`);
    document.getElementById("task-done").hidden = !state.solved;
    return news;
  }

  function pictures() {
    const shown = reference();
    const original = document.getElementById("original");
    const candidate = document.getElementById("candidate");
    draw(original, ORIGINALS[shown]);
    draw(candidate, state.at);
    original.setAttribute("aria-label", say("cone.picture.original", { letter: letter(shown) }));
    candidate.setAttribute("aria-label", say("cone.picture.candidate",
      { letter: letter(shown), angle: deg(angle(state.at, ORIGINALS[shown])) }));
    fill("original-name", say("cone.name.original", { letter: letter(shown) }));
  }

  /** Draw everything; `news` is said before the state of the picture. */
  function results(news = task()) {
    paintMap();
    figures();
    pictures();
    answered();
    map.setAttribute("aria-label", say("cone.map", { where: sentence() }));
    announce("live", `${news} ${sentence()}`.trim());
  }

  function move(to) {
    state.at = within(to);
    results();
  }

  function shift(dx, dy) {
    move({ x: state.at.x + dx * STEP_DEG, y: state.at.y + dy * STEP_DEG });
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  map.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    const times = event.shiftKey ? 5 : 1;
    shift(times * step[0], times * step[1]);
  });
  document.querySelectorAll("button[data-arrow]").forEach((button) => {
    button.addEventListener("click", () => shift(...ARROWS[button.dataset.arrow]));
  });

  function pointed(event) {
    const box = map.getBoundingClientRect();
    move({
      x: ((event.clientX - box.left) / box.width) * SIZE.x,
      y: ((event.clientY - box.top) / box.height) * SIZE.y,
    });
  }
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    pointed(event);
  });
  map.addEventListener("pointermove", (event) => {
    if (map.hasPointerCapture(event.pointerId)) pointed(event);
  });

  /** Where the way from the home through the answer leaves the cones: the least accepted angle. */
  function borderOn(home, at) {
    const far = angle(home, at) || 1;
    const toward = angle(home, at) ? { x: (at.x - home.x) / far, y: (at.y - home.y) / far }
      : { x: 1, y: 0 };
    for (let r = 0; r <= 60; r += 0.1) {
      const place = within({ x: home.x + r * toward.x, y: home.y + r * toward.y });
      if (judge(place).accepted) return r;
    }
    return Number.NaN;
  }

  document.getElementById("let-go-button").addEventListener("click", () => {
    const home = ORIGINALS[HOMES[stop()]];
    state.answers[stop()] = {
      ...judge(state.at), angle: angle(state.at, home), border: borderOn(home, state.at),
    };
    results(answerText(state.answers[stop()]));
  });

  /** The stop about keypoints: an altered copy of one eye, and what both kinds of evidence say. */
  function keypoints() {
    const home = ORIGINALS[CROWDED];
    const others = ORIGINALS.filter((_, i) => i !== CROWDED).map(eye);
    const names = Object.keys(ALTERATIONS).map((name) => [name, say(`alteration.${name}`)]);
    fill("alterations", radios("alteration", say("cone.alteration"), names, state.alteration,
      (name) => { state.alteration = name; seen(); }));
    function seen() {
      const got = evidence(eye(home), others, state.alteration);
      draw(document.getElementById("copied"), home, "none", true);
      draw(document.getElementById("copy"), home, state.alteration, true);
      document.getElementById("copy").setAttribute("aria-label",
        say("cone.picture.copy", { alteration: say(`alteration.${state.alteration}`) }));
      const near = got.angle < got.other;
      const values = { angle: deg(got.angle), other: deg(got.other), found: got.found, of: got.of };
      const lines = [
        say(near ? "cone.fingerprint.near" : "cone.fingerprint.far", values),
        say(got.recognised ? "cone.keypoints.yes" : "cone.keypoints.no",
          { ...values, needed: NEEDED }),
        say(near ? got.recognised ? "cone.both.both" : "cone.both.cone"
          : got.recognised ? "cone.both.keypoints" : "cone.both.none"),
      ];
      fill("evidence", ...lines.map((line) => make("li", {}, line)));
      announce("live-keypoints", lines.join(" "));
    }
    seen();
  }

  function arrive(index) {
    if (index in HOMES) state.at = { ...ORIGINALS[HOMES[index]] };
    if (index in HOMES) delete state.answers[index];
    show();
  }

  function show() {
    stopsShown.show();
    fill("settings", say("cone.settings", {
      c: number(SETTINGS.c, 2), beta: number(SETTINGS.beta, 1), k: SETTINGS.k,
      own: number(ORIGINALS[0].own),
    }));
    results();
    keypoints();
  }

  stopsShown = tour(["cone.stop.0", "cone.stop.1", "cone.stop.2", "cone.stop.3"], arrive);
  start(show);
})(globalThis.Learn);
