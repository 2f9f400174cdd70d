/* What all pages share: language, texts, numbers, announcements, stops. */
((Learn) => {
  "use strict";

  const LANGUAGES = ["de", "en"];
  const QUIET_MS = 500; // a screen reader hears a result once it has stopped changing
  const redraw = [];
  const timers = new Map();

  /** Language of the address (#de, #en); else of the browser; else English. */
  function chosen() {
    const asked = location.hash.slice(1);
    if (LANGUAGES.includes(asked)) return asked;
    return (navigator.language || "").toLowerCase().startsWith("de") ? "de" : "en";
  }

  let language = chosen();

  /** Text of a key, with {names} filled in. */
  function say(key, values = {}) {
    const text = Learn.texts[language][key];
    if (text === undefined) throw new Error(`texts/${language}.js: no text ${key}; add it`);
    return text.replace(/[ \n]+/g, " ").trim().replace(/\{(\w+)\}/g, (_, name) => {
      if (!(name in values)) throw new Error(`text ${key}: no value ${name}; pass it`);
      return values[name];
    });
  }

  /** Text of key.one or key.other, by the number n. */
  function count(key, n, values = {}) {
    const form = new Intl.PluralRules(language).select(n) === "one" ? "one" : "other";
    return say(`${key}.${form}`, { n: number(n), ...values });
  }

  function number(value, digits = 0) {
    const form = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return new Intl.NumberFormat(language, form).format(value);
  }

  /** A number to three digits: more of an expected number would say nothing. */
  function rounded(value) {
    return new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(value);
  }

  function percent(share) {
    return `${number(100 * share, share > 0 && share < 0.01 ? 1 : 0)}\u00a0%`;
  }

  /** An element with attributes and children (texts or elements). */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function fill(id, ...children) {
    document.getElementById(id).replaceChildren(...children);
  }

  /** Put a sentence into a live region after the changes have come to rest. */
  function announce(id, sentence) {
    clearTimeout(timers.get(id));
    timers.set(id, setTimeout(() => {
      const region = document.getElementById(id);
      if (region.textContent !== sentence) region.textContent = sentence;
    }, QUIET_MS));
  }

  /** Radio buttons under a legend; `options` are [value, label]; `choose` gets the value. */
  function radios(name, legend, options, current, choose) {
    const buttons = options.map(([value, label]) => {
      const input = make("input", {
        type: "radio", name, value: String(value), id: `${name}-${value}`,
      });
      input.checked = value === current;
      input.addEventListener("change", () => choose(value));
      return make("label", { for: input.id }, input, make("span", {}, label));
    });
    return make("fieldset", { class: "choice" }, make("legend", {}, legend),
      make("div", { class: "options" }, ...buttons));
  }

  /** List of stops as buttons; the current one is marked, `done` ones say so by the text `mark`. */
  function stops(id, titles, current, done, go, mark = "stop.done") {
    const items = titles.map((title, index) => {
      const end = done.has(index) ? ` ${say(mark)}` : "";
      const button = make("button", {
        type: "button", "aria-current": index === current ? "step" : null,
      }, `${index + 1}. ${title}${end}`);
      button.addEventListener("click", () => go(index));
      return make("li", {}, button);
    });
    fill(id, ...items);
  }

  function focusHeading(id) {
    const heading = document.getElementById(id);
    heading.setAttribute("tabindex", "-1");
    heading.focus();
  }

  /** Sections of a tour: [data-stop] elements of which one is shown. */
  function tour(titles, arrive) {
    const state = { current: 0, seen: new Set() };
    const show = () => {
      stops("stops", titles.map((key) => say(key)), state.current, state.seen, go);
      document.querySelectorAll("[data-stop]").forEach((section) => {
        section.hidden = !section.dataset.stop.split(" ").includes(String(state.current));
      });
      document.getElementById("next").hidden = state.current === titles.length - 1;
    };
    function go(index) {
      state.seen.add(state.current);
      state.current = index;
      show();
      arrive(index);
      focusHeading(`stop-${index}`);
    }
    document.getElementById("next").addEventListener("click", () => go(state.current + 1));
    return { show, at: () => state.current };
  }

  /** Put the texts of the language into the page, and let the page draw itself again. */
  function apply() {
    document.documentElement.lang = language;
    document.title = say(document.body.dataset.title);
    document.querySelectorAll("[data-text]").forEach((element) => {
      element.textContent = say(element.dataset.text);
    });
    document.querySelectorAll("[data-label]").forEach((element) => {
      element.setAttribute("aria-label", say(element.dataset.label));
    });
    document.querySelectorAll("a[data-page]").forEach((link) => {
      link.setAttribute("href", `${link.dataset.page}.html#${language}`);
    });
    document.querySelectorAll("button[data-language]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    });
    redraw.forEach((draw) => draw());
  }

  /** Start a page: `draw` is called now and after each change of the language. */
  function start(draw) {
    redraw.push(draw);
    document.querySelectorAll("button[data-language]").forEach((button) => {
      button.addEventListener("click", () => { location.hash = button.dataset.language; });
    });
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault(); // the address keeps the language
      document.getElementById("main").focus();
    });
    addEventListener("hashchange", () => {
      if (chosen() === language) return;
      language = chosen();
      apply();
    });
    apply();
  }

  Learn.page = {
    say, count, number, rounded, percent, make, svg, fill, announce, radios, stops, focusHeading,
    tour, start, language: () => language,
  };
})((globalThis.Learn ??= {}));
