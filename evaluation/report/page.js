"use strict";

// Whatever comes from the data is put into the page as text, never as markup.
const PAGE_SIZE = 25;
const SHORT = 180;
const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
const find = (id) => document.getElementById(id);
const data = JSON.parse(find("data").textContent);
const number = new Intl.NumberFormat("en");
const [ID, TEXT, DOMAIN, EXPECTED, RANKS, FIRST] = [0, 1, 2, 3, 4, 5];
const fold = (text) => text.normalize("NFKC").toLowerCase();
const folded = (rows) => rows.map(([id, text]) => fold(`${id} ${text ?? ""}`));
const searchable = { queries: folded(data.queries), passages: folded(data.passages) };
const state = { rows: [], start: 0 };

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function fill(id, names, chosen) {
  names.forEach((name, place) => {
    const option = element("option", name);
    option.value = String(place);
    option.selected = place === chosen;
    find(id).append(option);
  });
}

function resultOf(before, after) {
  if (after === before) return "unchanged";
  return after < before ? "won" : "lost";
}

function fits(wanted, before, after) {
  if (wanted === "in") return before > 5 && after <= 5;
  if (wanted === "out") return before <= 5 && after > 5;
  return !wanted || resultOf(before, after) === wanted;
}

function matcher(words) {
  const hits = words.map((word) => searchable.passages.map((text) => text.includes(word)));
  return (place, passages) =>
    words.every((word, n) => searchable.queries[place].includes(word) || passages.some((p) => hits[n][p]));
}

function select() {
  const [before, after] = [Number(find("before").value), Number(find("after").value)];
  const [domain, wanted, order] = ["domain", "result", "order"].map((id) => find(id).value);
  const matches = matcher(fold(find("search").value).split(/\s+/).filter(Boolean));
  const rows = [];
  data.queries.forEach((query, place) => {
    const [old, now] = [query[RANKS][before], query[RANKS][after]];
    if (domain !== "" && query[DOMAIN] !== Number(domain)) return;
    if (!fits(wanted, old, now)) return;
    if (!matches(place, [...query[EXPECTED], query[FIRST][before], query[FIRST][after]])) return;
    rows.push({ query, place, before, after, old, now, loss: Math.log(now / old) });
  });
  const sign = { losses: -1, gains: 1, file: 0 }[order];
  rows.sort((a, b) => sign * (a.loss - b.loss) || a.place - b.place);
  state.rows = rows;
  state.start = 0;
  show();
}

function passage(place) {
  const [id, text] = data.passages[place];
  const box = element("div");
  if (text !== null) {
    const shown = element("p", text);
    shown.dir = "auto";
    box.append(shown);
    if (text.length > SHORT) addMore(box, shown, text, id);
  }
  box.append(element("span", id, "id"));
  return box;
}

function shorten(text) {
  const cut = text.slice(0, SHORT);
  const space = cut.lastIndexOf(" ");
  return `${cut.slice(0, space > SHORT / 2 ? space : SHORT).trimEnd()} …`;
}

function addMore(box, shown, text, id) {
  const button = element("button", "", "more");
  button.type = "button";
  const set = (open) => {
    shown.textContent = open ? text : shorten(text);
    button.textContent = open ? "less" : "more";
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-label", `${button.textContent} of passage ${id}`);
  };
  button.addEventListener("click", () => set(button.getAttribute("aria-expanded") !== "true"));
  set(false);
  box.append(button, " ");
}

function rankCell({ old, now }) {
  const result = resultOf(old, now);
  const box = element("div");
  const look = { won: "better", lost: "worse", unchanged: "" }[result];
  box.append(element("span", result, look), element("br"));
  box.append(element("span", `${number.format(old)} → ${number.format(now)}`));
  return box;
}

function queryCell({ query }) {
  const box = element("div");
  if (query[TEXT] !== null) {
    const text = element("p", query[TEXT]);
    text.dir = "auto";
    box.append(text);
  }
  box.append(element("span", `${data.domains[query[DOMAIN]]} · ${query[ID]}`, "id"));
  return box;
}

function expectedCell({ query }) {
  const box = element("div");
  query[EXPECTED].forEach((place) => box.append(passage(place)));
  if (!query[EXPECTED].length) box.append(element("span", "not among the first ten", "id"));
  return box;
}

function firstCell({ query }, model) {
  const place = query[FIRST][model];
  if (query[RANKS][model] !== 1) return passage(place);
  const box = element("div");
  box.append(element("p", "the expected passage"), element("span", data.passages[place][ID], "id"));
  return box;
}

function line(row) {
  const made = element("tr");
  const boxes = [rankCell(row), queryCell(row), expectedCell(row)];
  boxes.push(firstCell(row, row.before), firstCell(row, row.after));
  boxes.forEach((box) => {
    const cell = element("td");
    cell.append(box);
    made.append(cell);
  });
  return made;
}

// Narrow screens show a row as a card, each cell under its header; roles keep it a table to readers.
function stack(table) {
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  table.classList.add("stack");
  table.querySelectorAll("th").forEach((head) => head.setAttribute("role", head.scope === "row" ? "rowheader" : "columnheader"));
  [table, ...table.querySelectorAll("thead, tbody, tr, td")].forEach((part) => {
    part.setAttribute("role", ROLES[part.tagName]);
    if (part.tagName === "TD") part.dataset.label = labels[part.cellIndex];
  });
}

function show() {
  const { rows, start } = state;
  const end = Math.min(start + PAGE_SIZE, rows.length);
  const count = { won: 0, lost: 0, unchanged: 0 };
  rows.forEach(({ old, now }) => (count[resultOf(old, now)] += 1));
  const parts = Object.entries(count).map(([word, n]) => `${number.format(n)} ${word}`);
  find("count").textContent = rows.length
    ? `${number.format(rows.length)} of ${number.format(data.queries.length)} queries: ${parts.join(", ")}.`
    : "No query fits.";
  find("rows").replaceChildren(...rows.slice(start, end).map(line));
  stack(find("table"));
  find("table").hidden = !rows.length;
  find("pager").hidden = rows.length <= PAGE_SIZE;
  find("place").textContent = `${number.format(start + 1)} to ${number.format(end)} of ${number.format(rows.length)}`;
  find("previous").disabled = start === 0;
  find("next").disabled = end === rows.length;
}

function turn(pages) {
  state.start += pages * PAGE_SIZE;
  show();
  find("count").scrollIntoView();
}

document.querySelectorAll("table").forEach(stack);
fill("domain", data.domains);
fill("before", data.models, data.base);
fill("after", data.models, data.model);
find("controls").hidden = false;
let waiting;
find("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(select, 120);
});
["domain", "result", "before", "after", "order"].forEach((id) => find(id).addEventListener("change", select));
find("previous").addEventListener("click", () => turn(-1));
find("next").addEventListener("click", () => turn(1));
select();
