// Asks for what is new each second, and shows it. Texts are put in as text, never as markup.
"use strict";

const words = {
  zh: {
    other: "English", start: "开始", running: "进行中", repeated: "重复到达", verified: "签名已核对",
    severity: { emergency: "紧急", critical: "严重", major: "重要", minor: "一般" },
    type: { test: "测试", "incident.opened": "新事件", "incident.updated": "扩大", "incident.merged": "并入", "incident.escalated": "升级",
      "incident.acknowledged": "已受理", "incident.closed": "已恢复" },
    page: "首页", incident: "首个事件", notification: "首条通知", speed: "时间快", refused: "签名不符而拒收", away: "演示已结束，或正在启动。",
  },
  en: {
    other: "中文", start: "Start", running: "under way", repeated: "arrived again", verified: "signature verified",
    severity: { emergency: "emergency", critical: "critical", major: "major", minor: "minor" },
    type: { test: "test", "incident.opened": "opened", "incident.updated": "grew", "incident.merged": "merged", "incident.escalated": "escalated",
      "incident.acknowledged": "acknowledged", "incident.closed": "closed" },
    page: "first page", incident: "first incident", notification: "first notification", speed: "time runs", refused: "refused for their signature",
    away: "The demo has ended, or is starting.",
  },
};

const at = (id) => document.getElementById(id);
const clock = (ms) => new Date(ms).toLocaleTimeString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false });
const asked = new URLSearchParams(location.search).get("lang");
let language = asked === "en" || asked === "zh" ? asked : navigator.language.startsWith("zh") ? "zh" : "en";
let arrivals = [];
let lines = [];
let latest = null;
let toursDrawn = "";

function element(name, text, className) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function drawArrival(arrival) {
  const w = words[language];
  const kind = arrival.type.replace("incident.", "");
  const item = element("li", "", `${arrival.severity} ${kind}`);
  const tags = element("div", "", "tags");
  tags.append(element("time", clock(arrival.at_ms)), element("b", w.type[arrival.type] || arrival.type),
    ...(arrival.severity ? [element("span", w.severity[arrival.severity] || arrival.severity)] : []), element("span", `✓ ${w.verified}`));
  if (arrival.times > 1) tags.append(element("span", `${w.repeated} ×${arrival.times}`));
  const text = element("div", language === "zh" ? arrival.zh : arrival.en, "text");
  item.append(tags, text);
  if (arrival.url.startsWith("http")) {
    const link = element("a", arrival.url);
    link.href = arrival.url;
    item.append(link);
  }
  return item;
}

function drawTour() {
  const now = Date.now();
  const running = latest.stops.map((s) => Boolean(s.started_at_ms) && now < s.started_at_ms + s.lasts_s * 1000);
  const drawn = language + running;
  if (drawn === toursDrawn) return;
  toursDrawn = drawn;
  at("tour").replaceChildren(...latest.stops.map((stop, number) => {
    const [title, about, look] = stop[language];
    const item = element("li");
    const button = element("button", running[number] ? words[language].running : words[language].start);
    button.type = "button";
    button.disabled = running[number];
    button.dataset.stop = stop.name;
    button.setAttribute("aria-label", `${button.textContent}: ${title}`);
    button.addEventListener("click", () => start(stop.name, button));
    item.append(element("h3", title), element("p", about), element("p", look, "quiet"), button);
    return item;
  }));
}

async function start(name, button) {
  button.disabled = true;
  const answer = await fetch(`/tour/${name}`, { method: "POST" });
  if (!answer.ok) {
    button.disabled = false;
    at("facts").textContent = (await answer.json()).detail;
  }
}

function draw() {
  const w = words[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-zh]")) node.textContent = node.dataset[language];
  at("language").textContent = w.other;
  at("arrivals").replaceChildren(...arrivals.slice().reverse().map(drawArrival));
  at("none").hidden = arrivals.length > 0;
  at("lines").replaceChildren(...lines.slice().reverse().map((line) => {
    const item = element("li");
    item.append(element("time", clock(line.at_ms)), document.createTextNode(` ${line[language]}`));
    return item;
  }));
  if (latest === null) return;
  at("console").href = latest.console_url;
  drawTour();
  const facts = [`${w.speed} ×${latest.speed}`];
  for (const name of ["page", "incident", "notification"]) {
    const seconds = latest.facts[`first_${name}_s`];
    if (seconds !== undefined) facts.push(`${w[name]} ${seconds.toFixed(1)} s`);
  }
  if (latest.refused) facts.push(`${latest.refused} ${w.refused}`);
  at("facts").textContent = facts.join(" · ");
}

async function ask() {
  const last = (list) => (list.length ? list[list.length - 1].number : 0);
  try {
    const answer = await fetch(`/state?arrivals=${last(arrivals)}&lines=${last(lines)}`);
    latest = await answer.json();
    const news = latest.arrivals.length + latest.lines.length;
    arrivals = arrivals.concat(latest.arrivals).slice(-300);
    lines = lines.concat(latest.lines).slice(-200);
    if (news) draw();
    else drawTour();
  } catch {
    at("facts").textContent = words[language].away;
  }
  setTimeout(ask, 1000);
}

at("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  draw();
});
draw();
ask().then(draw);
