// The page Explore: draws window.EXPLORE (workflow/explore.py). No library, no network.
(() => {
  const data = window.EXPLORE, root = document.getElementById("explore");
  const [LARGE, SMALL] = data.sizes, wide = data.attributes.length;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const annotation = new Int8Array(bytes(data.annotation).buffer);
  const truth = new Int8Array(bytes(data.truth).buffer);
  for (const each of data.variants) {
    each.posterior = bytes(each.posterior);
    each.last = bytes(each.last);
    each.terms = new Float32Array(bytes(each.terms).buffer);
  }
  const state = { face: 0, attribute: data.attributes.indexOf("smiling"), variant: 0, sweep: 0 };
  let timer = null;

  // What the data say ----------------------------------------------------------------------------

  const label = (table, face) => table[face * wide + state.attribute]; // -1 missing, 0, 1
  const variant = () => data.variants[state.variant];
  const probability = (face, sweep = state.sweep, of = variant()) => {
    const at = Math.min(sweep, of.sweeps - 1);
    const rows = face < data.onMap ? of.posterior : of.last; // other faces: the last sweep alone
    const row = face < data.onMap ? at * data.onMap + face : face;
    return rows[row * wide + state.attribute] / 255;
  };
  const terms = () => [0, 1, 2].map((term) =>
    variant().terms[(state.face * wide + state.attribute) * 3 + term]);

  // Pieces of the page ---------------------------------------------------------------------------

  function make(name, values = {}, ...children) {
    const svg = ["svg", "rect", "line", "path", "text", "circle"].includes(name);
    const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(values)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  }
  const number = (value) => (value < 0 ? "−" : "+") +
    Math.abs(value).toFixed(Math.abs(value) < 10 ? 2 : 0);
  const answer = (value) => (value === 1 ? "yes" : "no");

  function colour(p) { // blue at 0, pale at 0.5, orange at 1: as in the figures
    const ends = p < 0.5 ? [[0, 114, 178], [236, 236, 230]] : [[236, 236, 230], [213, 94, 0]];
    const share = p < 0.5 ? 2 * p : 2 * p - 1;
    return `rgb(${ends[0].map((low, i) => Math.round(low + share * (ends[1][i] - low)))})`;
  }

  function picture(node, face) { // a face of a sprite as background, as large as the node
    const large = face < data.onMap, place = large ? face : face - data.onMap;
    const count = large ? data.onMap : data.source.length - data.onMap;
    const rows = Math.max(1, Math.ceil(count / data.columns));
    const at = (index, of) => (of > 1 ? (100 * index) / (of - 1) : 0);
    const file = large ? "faces.jpg" : "neighbours.jpg";
    node.style.backgroundImage = `url(_static/explore/${file})`;
    node.style.backgroundSize = `${100 * data.columns}% ${100 * rows}%`;
    node.style.backgroundPosition =
      `${at(place % data.columns, data.columns)}% ${at(Math.floor(place / data.columns), rows)}%`;
    return node;
  }

  const where = (face) => data.sources[data.source[face]];
  const knowledge = (face) => label(annotation, face) >= 0
    ? `annotated: ${answer(label(annotation, face))}`
    : `inferred: ${probability(face).toFixed(2)}`;

  // The parts ------------------------------------------------------------------------------------

  const choice = make("select", { id: "attribute", onchange: (e) => set({ attribute: +e.target.value }) });
  let first = 0;
  for (const [group, size] of Object.entries(data.groups)) {
    const options = data.attributes.slice(first, first + size).map((title, i) =>
      make("option", { value: first + i }, title));
    choice.append(make("optgroup", { label: group }, ...options));
    first += size;
  }
  const choices = make("span", { id: "variants", role: "group", "aria-label": "variant" },
    ...data.variants.map((each, i) =>
      make("button", { type: "button", title: changed(each), onclick: () => set({ variant: i, sweep: each.sweeps - 1 }) }, each.name)));
  const slider = make("input", { id: "sweep", type: "range", min: 0, oninput: (e) => { stop(); set({ sweep: +e.target.value }); } });
  const count = make("output", { id: "count" });
  const play = make("button", { id: "play", type: "button", onclick: () => (timer ? stop() : start()) }, "▶ play");
  const map = make("div", { id: "map", role: "listbox", "aria-label": "training faces", onkeydown: move });
  const tiles = data.cells.map((cell, face) => {
    const tile = make("div", { role: "option", onclick: () => set({ face }) });
    tile.style.gridColumn = (cell % data.columns) + 1;
    tile.style.gridRow = Math.floor(cell / data.columns) + 1;
    return picture(tile, face);
  });
  map.style.gridTemplateColumns = `repeat(${data.columns}, 1fr)`;
  map.append(...tiles);
  const panel = make("div", { id: "panel", "aria-live": "polite" });
  root.append(
    make("div", { id: "controls" },
      make("label", {}, "attribute ", choice), make("span", {}, "variant ", choices),
      make("label", { id: "sweeps" }, "sweep ", slider, count, play)),
    make("div", { id: "board" }, map, panel));

  function changed(each) {
    const parts = Object.entries(each.changed).map(([key, value]) => `${key}: ${value}`);
    return parts.length ? parts.join(", ") : "every parameter as in the paper";
  }

  function bars() { // three log-odds and their sum, on a symmetric logarithmic scale
    const values = terms(), sum = values.reduce((a, b) => a + b);
    const reach = Math.max(10, ...values.map(Math.abs)), middle = 190, half = 105;
    const x = (value) => middle + half * Math.asinh(value) / Math.asinh(reach);
    const svg = make("svg", { id: "terms", viewBox: "0 0 360 128", role: "img",
      "aria-label": `log-odds: ${data_terms(values)}` });
    for (const tick of [-1000, -100, -10, -1, 0, 1, 10, 100, 1000].filter((t) => Math.abs(t) <= reach)) {
      svg.append(make("line", { x1: x(tick), x2: x(tick), y1: 4, y2: 108, class: tick ? "tick" : "zero" }),
        make("text", { x: x(tick), y: 122, "text-anchor": "middle", class: "small" }, `${tick}`.replace("-", "−")));
    }
    ["unary", "prior", "pairwise", "sum"].forEach((name, i) => {
      const value = [...values, sum][i], left = Math.min(x(0), x(value));
      svg.append(
        make("text", { x: 0, y: 20 + 26 * i, class: name }, name),
        make("rect", { x: left, y: 8 + 26 * i, height: 16, width: Math.max(1, Math.abs(x(value) - x(0))),
          fill: value < 0 ? "#0072b2" : "#d55e00", opacity: name === "sum" ? 1 : 0.65 }),
        make("text", { x: 358, y: 20 + 26 * i, "text-anchor": "end" }, number(value)));
    });
    return svg;
  }
  const data_terms = (values) => values.map((v, i) => `${["unary", "prior", "pairwise"][i]} ${number(v)}`).join(", ");

  function curves() { // the posterior of this face, sweep by sweep, under every variant
    const longest = Math.max(...data.variants.map((each) => each.sweeps)) - 1 || 1;
    const x = (sweep) => 34 + (300 * sweep) / longest, y = (p) => 100 - 90 * p;
    const svg = make("svg", { id: "curves", viewBox: "0 0 360 124", role: "img",
      "aria-label": `posterior sweep by sweep, now ${probability(state.face).toFixed(2)}` });
    for (const p of [0, 0.5, 1]) {
      svg.append(make("line", { x1: x(0), x2: x(longest), y1: y(p), y2: y(p), class: p === 0.5 ? "zero" : "tick" }),
        make("text", { x: 28, y: y(p) + 4, "text-anchor": "end", class: "small" }, p));
    }
    data.variants.forEach((each, i) => {
      const points = Array.from({ length: each.sweeps }, (_, t) => `${x(t)},${y(probability(state.face, t, each))}`);
      svg.append(make("path", { d: `M${points.join("L")}`, class: i === state.variant ? "curve now" : "curve" }));
    });
    svg.append(
      make("circle", { cx: x(state.sweep), cy: y(probability(state.face)), r: 4 }),
      make("text", { x: x(0), y: 120, class: "small" }, "sweep 0"),
      make("text", { x: x(longest), y: 120, "text-anchor": "end", class: "small" }, longest));
    return svg;
  }

  function neighbours() {
    return make("div", { id: "neighbours" }, ...data.neighbours[state.face].map((face, i) => {
      const affinity = variant().affinity[state.face][i];
      const pick = face < data.onMap;
      const image = picture(make("span", { class: "face" }), face);
      image.style.borderColor = colour(probability(face));
      const values = { class: "neighbour", type: "button", title: `${where(face)}, ${knowledge(face)}` };
      return make("button", { ...values, ...(pick ? { onclick: () => set({ face }, true) } : { disabled: "" }) },
        image, make("span", { class: label(annotation, face) >= 0 ? "dotted" : "" },
          label(annotation, face) >= 0 ? answer(label(annotation, face)) : probability(face).toFixed(2)),
        make("small", {}, affinity === undefined ? "" : affinity.toFixed(3)));
    }));
  }

  function verdict() {
    const known = label(annotation, state.face), hidden = label(truth, state.face);
    if (known >= 0) return `annotated: ${answer(known)}. It is not inferred and never changes.`;
    const p = probability(state.face, variant().sweeps - 1), source = data.hiddenTruth ? "hidden truth" : "held-out label";
    const end = `inferred: ${answer(+(p > 0.5))} (p = ${p.toFixed(2)})`;
    return hidden < 0 ? `${end}; nobody knows the truth` :
      `${end}; ${source}: ${answer(hidden)} ${hidden === +(p > 0.5) ? "✓" : "✗"}`;
  }

  function details() {
    const title = data.attributes[state.attribute], inferred = label(annotation, state.face) < 0;
    const image = picture(make("div", { id: "face", role: "img", "aria-label": `face of ${where(state.face)}` }), state.face);
    panel.replaceChildren(
      make("div", { id: "who" }, image, make("div", {},
        make("strong", {}, `${title}?`), make("div", { id: "verdict" }, verdict()),
        make("small", {}, `from ${where(state.face)}; variant ${variant().name}`))),
      ...(inferred ? [make("h4", {}, "Log-odds of the last sweep"), bars(),
        make("h4", {}, "Posterior, sweep by sweep"), curves()] : []),
      make("h4", {}, "Its ten nearest neighbours: label or probability, affinity"), neighbours());
  }

  // Acting ---------------------------------------------------------------------------------------

  function set(change, focus = false) {
    Object.assign(state, change);
    state.sweep = Math.min(state.sweep, variant().sweeps - 1);
    choice.value = state.attribute;
    slider.max = variant().sweeps - 1;
    slider.value = state.sweep;
    count.textContent = `${state.sweep} of ${variant().sweeps - 1}`;
    [...choices.children].forEach((button, i) => button.setAttribute("aria-pressed", i === state.variant));
    tiles.forEach((tile, face) => {
      tile.style.borderColor = colour(probability(face));
      tile.className = label(annotation, face) >= 0 ? "tile annotated" : "tile";
      tile.setAttribute("aria-selected", face === state.face);
      tile.setAttribute("aria-label", `face ${face + 1}, ${where(face)}, ${knowledge(face)}`);
      tile.tabIndex = face === state.face ? 0 : -1;
    });
    for (const face of data.neighbours[state.face]) if (face < data.onMap) tiles[face].classList.add("near");
    details();
    if (focus) tiles[state.face].focus();
  }

  function move(event) { // to the next face in the direction of an arrow key
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -data.columns, ArrowDown: data.columns }[event.key];
    if (!step) return;
    event.preventDefault();
    const face = data.cells.indexOf(data.cells[state.face] + step);
    if (face >= 0) set({ face }, true);
  }

  function start() {
    if (state.sweep === variant().sweeps - 1) set({ sweep: 0 });
    play.textContent = "■ stop";
    timer = setInterval(() => {
      if (state.sweep < variant().sweeps - 1) set({ sweep: state.sweep + 1 });
      if (state.sweep === variant().sweeps - 1) stop();
    }, 500);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ play";
  }

  const inferred = tiles.findIndex((_, face) => label(annotation, face) < 0);
  set({ variant: data.variants.length - 1, sweep: data.variants.at(-1).sweeps - 1, face: Math.max(0, inferred) });
})();
