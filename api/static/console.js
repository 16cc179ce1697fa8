/* Keeps a page true while it stands open: refreshes its parts when the event stream says that something changed (at
 * most once in MIN_GAP_MS however many events come, and the last is never missed), counts "12 分钟" on, and says when
 * the connection is lost. Everything works without it, upon reload. */
(function () {
  "use strict";

  var MIN_GAP_MS = 1000;      // between two refreshes
  var AT_LEAST_MS = 20000;    // a dead collector sends no event: look by ourselves
  var TICK_MS = 5000;         // how often spans are counted on
  var LOST_AFTER_MS = 4000;   // a reconnect quicker than this is not worth a word
  var EVENTS = ["summary", "condition", "incident"];

  var body = document.body;
  var skewMs = Number(body.dataset.now) - Date.now(); // the server's clock counts, not this machine's
  var lastMs = 0, planned = 0, lostTimer = 0;

  function refresh() {
    window.clearTimeout(planned);
    planned = 0;
    if (document.hidden) { lastMs = 0; return; } // looked at again: `visibilitychange`
    if (document.querySelector("form.htmx-request")) { // somebody waits for an answer: nothing moves under them
      planned = window.setTimeout(refresh, MIN_GAP_MS);
      return;
    }
    lastMs = performance.now();
    document.querySelectorAll("[hx-trigger~='refresh']").forEach(function (part) {
      if (!part.contains(document.activeElement) || !document.activeElement.matches("input, select, textarea")) {
        window.htmx.trigger(part, "refresh");
      }
    });
  }

  function noticed() {
    if (planned) { return; }
    planned = window.setTimeout(refresh, Math.max(50, lastMs + MIN_GAP_MS - performance.now()));
  }

  function say(state) {
    var place = document.getElementById("live");
    if (!place || place.dataset.state === state) { return; }
    place.dataset.state = state;
    place.textContent = state === "on" ? place.dataset.on : place.dataset.lost;
  }

  /* --- the event stream: the extension keeps it open; a page that nobody looks at lets go of it, because a browser
   * has only few connections to a host --- */
  var AWAY_MS = 60000;
  var stream = document.getElementById("stream"), awayTimer = 0;

  body.addEventListener("htmx:sseOpen", function (event) {
    window.clearTimeout(lostTimer);
    lostTimer = 0;
    say("on");
    var source = event.detail.source;
    if (!source.heardByPage) { // else it is the browser's own reconnect
      source.heardByPage = true;
      EVENTS.forEach(function (name) { source.addEventListener(name, noticed); });
    }
    noticed(); // whatever was missed meanwhile
  });
  body.addEventListener("htmx:sseError", function () {
    if (!lostTimer) { lostTimer = window.setTimeout(function () { say("lost"); }, LOST_AFTER_MS); }
  });
  document.addEventListener("visibilitychange", function () {
    window.clearTimeout(awayTimer);
    if (!stream) { return; }
    if (document.hidden) {
      awayTimer = window.setTimeout(function () {
        var idle = stream.cloneNode(false);
        window.htmx.remove(stream); // ends the connection
        stream = idle;
      }, AWAY_MS);
    } else {
      if (!stream.isConnected) {
        body.prepend(stream);
        window.htmx.process(stream);
      }
      noticed();
    }
  });
  window.addEventListener("pageshow", function (event) { if (event.persisted) { noticed(); } });
  window.setInterval(function () { if (performance.now() - lastMs > AT_LEAST_MS) { noticed(); } }, AT_LEAST_MS / 4);

  /* --- spans: the same words as the server's `when.span` --- */
  var UNITS = body.dataset.language === "en"
    ? { s: " s", m: " min", h: " h", hm: " min", d: " d", dh: " h" }
    : { s: " 秒", m: " 分钟", h: " 小时", hm: " 分", d: " 天", dh: " 小时" };

  function span(ms) {
    var s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) { return s + UNITS.s; }
    var m = Math.floor(s / 60);
    if (m < 60) { return m + UNITS.m; }
    var h = Math.floor(m / 60);
    if (h < 24) { return h + UNITS.h + (m % 60 ? " " + (m % 60) + UNITS.hm : ""); }
    return Math.floor(h / 24) + UNITS.d + (h % 24 ? " " + (h % 24) + UNITS.dh : "");
  }

  function count() {
    var now = Date.now() + skewMs;
    document.querySelectorAll("time[data-since]").forEach(function (time) {
      var text = span(now - Number(time.dataset.since));
      if (time.textContent !== text) { time.textContent = text; }
    });
  }
  window.setInterval(count, TICK_MS);

  /* --- what is new is lit up for a moment, and said --- */
  var TOLD_MAX = 3;
  var known = null;
  function incidents() {
    return Array.from(document.querySelectorAll("[data-incident]"), function (row) { return row.dataset.incident; });
  }
  known = new Set(incidents());
  body.addEventListener("htmx:afterSettle", function () {
    var told = [];
    document.querySelectorAll("[data-incident]").forEach(function (row) {
      if (known.has(row.dataset.incident)) { return; }
      row.classList.add("fresh");
      var badge = row.querySelector(".badge"), line = row.querySelector(".line"), where = row.querySelector(".where");
      told.push([badge, line, where].map(function (part) { return part ? part.textContent.trim() : ""; }).join(" "));
    });
    var news = document.getElementById("news"); // for who listens instead of looking: the gravest stand first
    if (news && told.length) { news.textContent = [news.dataset.new].concat(told.slice(0, TOLD_MAX)).join(" "); }
    known = new Set(incidents());
  });

  /* --- a menu closes by Escape and by a press elsewhere --- */
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      document.querySelectorAll("details.more[open]").forEach(function (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
    } else if (event.key === "/" && !event.target.matches("input, textarea, select")) {
      var find = document.querySelector(".find input");
      if (find) { event.preventDefault(); find.focus(); }
    }
  });
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.more[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) { menu.open = false; }
    });
  });

  /* --- answers that are errors are shown where they belong too (401 leads to the sign-in) --- */
  body.addEventListener("htmx:beforeSwap", function (event) {
    var status = event.detail.xhr.status;
    if (status === 401) { window.location.reload(); return; }
    if (status >= 400 && (event.detail.xhr.getResponseHeader("content-type") || "").indexOf("text/html") === 0) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
})();
