// Fills the page in from overview.json, every two seconds. Everything that a cluster says is put in as text, never as
// markup.
"use strict";

const EVERY = 2000; // milliseconds
const open = new Set(); // the sandboxes that are shown whole, by namespace/name
let last = "";
let overview = null;

const at = (id) => document.getElementById(id);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function row(cells, className) {
  const made = element("tr", undefined, className);
  for (const cell of cells) made.append(cell instanceof Node ? cell : element("td", cell));
  return made;
}

function table(heads, rows) {
  const made = element("table");
  const head = element("tr");
  for (const text of heads) {
    const cell = element("th", text);
    cell.scope = "col";
    head.append(cell);
  }
  made.append(element("thead"), element("tbody"));
  made.tHead.append(head);
  made.tBodies[0].append(...rows);
  return made;
}

function age(created) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(created)) / 1000));
  if (!created || Number.isNaN(seconds)) return "";
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

function ageOf(sandbox) {
  const made = element("span", age(sandbox.created), "age");
  made.dataset.created = sandbox.created;
  return made;
}

const isTrue = (condition) => condition !== null && condition.status === "True";
const hasError = (sandbox) => sandbox.findings.some((finding) => finding.severity === "error");
// Beside what the rules find, of which the condition tells as well.
const isAgainstPolicy = (sandbox) => sandbox.compliant !== null && sandbox.compliant.status === "False" &&
  !sandbox.findings.some((finding) => finding.code === sandbox.compliant.reason);
const inTrouble = (sandbox) => (!isTrue(sandbox.ready) && !sandbox.suspended) || !isTrue(sandbox.isolated) ||
  hasError(sandbox) || isAgainstPolicy(sandbox);

function state(condition, otherwise) {
  if (condition === null) return element("span", "not looked at yet", "warn");
  if (isTrue(condition)) return element("span", condition.reason, "good");
  return element("span", condition.reason, otherwise);
}

function matches(sandbox, text) {
  const words = [sandbox.namespace, sandbox.name, sandbox.isolation, sandbox.pod, sandbox.node, sandbox.gateway,
    sandbox.ready?.reason, sandbox.isolated?.reason, ...sandbox.findings.map((finding) => finding.code)];
  return words.join(" ").toLowerCase().includes(text.toLowerCase());
}

function findings(sandbox) {
  const count = sandbox.findings.length;
  let words = count === 1 ? "1 finding" : `${count} findings`;
  if (isAgainstPolicy(sandbox)) words += `, a policy: ${sandbox.compliant.reason}`;
  return element("span", words, hasError(sandbox) ? "bad" : count > 0 || isAgainstPolicy(sandbox) ? "warn" : "");
}

function details(sandbox) {
  const key = `${sandbox.namespace}/${sandbox.name}`;
  const made = element("details");
  made.dataset.key = key;
  made.open = open.has(key);
  made.addEventListener("toggle", () => (made.open ? open.add(key) : open.delete(key)));
  const summary = element("summary");
  summary.append(
    element("span", overview.namespace ? sandbox.name : key, "name"),
    state(sandbox.ready, sandbox.suspended ? "" : "bad"),
    element("span", sandbox.isolation),
    state(sandbox.isolated, "bad"),
    findings(sandbox),
    ageOf(sandbox),
  );
  const body = element("div", undefined, "body");
  const where = [sandbox.pod && `pod ${sandbox.pod}`, sandbox.node && `on ${sandbox.node}`,
    sandbox.gateway && `by gateway ${sandbox.gateway}`].filter(Boolean).join(" ");
  if (where) body.append(element("p", where));
  body.append(element("h3", "Controls"));
  body.append(sandbox.controls.length === 0 ? element("p", "none while there is no pod") :
    table(["Control", "State", "Why"], sandbox.controls.map((control) => row([
      control.name,
      element("td", control.state, control.state === "Enforced" ? "good" : control.state === "Unenforced" ? "warn" : ""),
      control.detail,
    ]))));
  if (sandbox.findings.length > 0) {
    body.append(element("h3", "Findings"), table(["Rule", "Field", "What"], sandbox.findings.map((finding) => row([
      element("td", finding.code, finding.severity === "error" ? "bad" : "warn"), finding.field, finding.message,
    ]))));
  }
  body.append(element("h3", "Conditions"), table(["Condition", "Status", "Reason", "Message"],
    sandbox.conditions.map((condition) => row([condition.type, condition.status, condition.reason, condition.message]))));
  made.append(summary, body);
  return made;
}

function total(name, count, className) {
  const made = element("div");
  made.append(element("dt", name), element("dd", String(count), className));
  return made;
}

function show() {
  if (overview === null) return;
  const text = at("filter").value.trim();
  const trouble = at("trouble").checked;
  const all = overview.sandboxes;
  const shown = all.filter((sandbox) => (!text || matches(sandbox, text)) && (!trouble || inTrouble(sandbox)));
  const focused = document.activeElement?.closest?.("details")?.dataset.key;
  at("where").textContent = overview.namespace ? `in ${overview.namespace}` : "in all namespaces";
  const refused = overview.decisions.filter((decision) => decision.verdict === "refused").length;
  const open_ = all.filter((sandbox) => !isTrue(sandbox.isolated)).length;
  const found = all.reduce((sum, sandbox) => sum + sandbox.findings.length, 0);
  at("totals").replaceChildren(
    total("sandboxes", all.length),
    total("ready", all.filter((sandbox) => isTrue(sandbox.ready)).length),
    total("network not shown shut", open_, open_ ? "bad" : "good"),
    total("findings", found, found ? "warn" : "good"),
    total("refused of late", refused),
  );
  at("list").replaceChildren(...shown.map(details));
  if (shown.length === 0) at("list").append(element("p", all.length === 0 ? "There is no AgentSandbox." : "None of them."));
  if (focused) [...at("list").children].find((each) => each.dataset?.key === focused)?.firstChild.focus();
  at("log").replaceChildren(...overview.decisions.map((decision) => row([
    decision.time, `${decision.namespace}/${decision.sandbox}`,
    element("td", decision.verdict, decision.verdict === "refused" ? "bad" : decision.verdict === "audited" ? "warn" : "good"),
    decision.method, decision.host, decision.rule, decision.status === null ? "" : String(decision.status),
  ])));
  at("problems").hidden = overview.problems.length === 0;
  at("problems").replaceChildren(...overview.problems.map((problem) => element("p", problem)));
}

async function look() {
  try {
    const answer = await fetch("overview.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(`the answer is ${answer.status}`);
    const text = await answer.text();
    overview = JSON.parse(text);
    at("looked").textContent = `as of ${overview.time}`;
    const rest = JSON.stringify({ ...overview, time: "" });
    if (rest !== last) {
      last = rest;
      show();
    }
    for (const each of document.querySelectorAll(".age")) each.textContent = age(each.dataset.created);
  } catch (error) {
    at("looked").textContent = `stockade does not answer any more (${error.message}); what is shown may be old`;
    last = "";
  }
  setTimeout(look, EVERY);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== at("filter")) {
    event.preventDefault();
    at("filter").focus();
    return;
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const summaries = [...document.querySelectorAll("summary")];
  const here = summaries.indexOf(document.activeElement);
  const next = summaries[here + (event.key === "ArrowDown" ? 1 : -1)];
  if (next && (here >= 0 || event.key === "ArrowDown")) {
    event.preventDefault();
    next.focus();
  }
});
at("filter").addEventListener("input", show);
at("trouble").addEventListener("change", show);
look();
