/* Draws a device's history: one small chart a field, with one cursor over all of them. Data come from the REST API
 * (means, least and greatest by step); words and units from the page. While somebody looks it is renewed with the next
 * readings, each RENEW seconds as the page says, later and later while that fails. */
(function () {
  "use strict";

  var HEIGHT = 104;
  var LOOK_MS = 1000;             // how often it is looked whether the time to renew has come
  var RENEW_MOST_MS = 300000;     // the longest pause between two tries

  function colours() {
    var style = getComputedStyle(document.documentElement);
    return function (name) { return style.getPropertyValue(name).trim(); };
  }

  function figure(value, unit, yes, no) {
    if (value === null || value === undefined) { return "–"; }
    if (unit === "bool") { return value >= 0.5 ? yes : no; }
    var tenths = Math.round(value * 10) / 10;
    var text = Math.abs(value) >= 100 || Number.isInteger(tenths) ? Math.round(value).toLocaleString() : tenths.toFixed(1);
    return text + (unit ? " " + unit : "");
  }

  function clock(seconds, spanS) {
    // the page's times are Shanghai's wherever the reader sits: UTC+8, no summer time
    var at = new Date(seconds * 1000 + 8 * 3600 * 1000);
    function two(n) { return String(n).padStart(2, "0"); }
    var time = two(at.getUTCHours()) + ":" + two(at.getUTCMinutes());
    var day = two(at.getUTCMonth() + 1) + "-" + two(at.getUTCDate());
    if (spanS > 3 * 86400) { return day; }
    return spanS > 86400 ? day + " " + time : time;
  }

  function draw(box, series, from, to) {
    var unit = box.dataset.unit || "", colour = colours();
    var output = box.querySelector("output"), plot = box.querySelector(".plot");
    var bool = unit === "bool";
    var latest = newest(series);
    function named() {
      plot.setAttribute("aria-label", box.querySelector("h3 span").textContent + ": " + output.textContent);
    }
    function say(value) { output.textContent = figure(value, unit, box.dataset.yes, box.dataset.no); }
    var data = [series.at, series.min, series.max, series.mean];
    plot.series = series;
    plot.span = [from, to];
    if (plot.chart) { // renewed: the cursor stays where it is
      plot.chart.setData(data);
      if (plot.chart.cursor.idx === null || plot.chart.cursor.idx === undefined) { say(latest); }
      named();
      return;
    }
    say(latest);
    plot.replaceChildren();
    var chart = new window.uPlot({
      width: plot.clientWidth, height: HEIGHT, padding: [8, 8, 0, 0],
      tzDate: function (ts) { return new Date(ts * 1000); },
      cursor: { sync: { key: "history" }, y: false, points: { size: 6 } },
      legend: { show: false },
      scales: {
        x: { time: true, range: function () { return plot.span; } },
        y: bool ? { range: [-0.1, 1.1] } : { range: function (u, low, high) {
          if (low === null) { return [0, 1]; }
          var room = Math.max((high - low) * 0.1, Math.abs(high) * 0.02, 0.5);
          return [low >= 0 ? Math.max(0, low - room) : low - room, unit === "%" ? Math.min(102, high + room) : high + room];
        } }
      },
      axes: [
        { stroke: colour("--soft"), grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false }, size: 24, space: 70,
          values: function (u, ticks) { return ticks.map(function (tick) { return clock(tick, plot.span[1] - plot.span[0]); }); } },
        { stroke: colour("--soft"), grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false }, size: 46,
          values: function (u, ticks) { return ticks.map(function (tick) {
            if (bool) { return tick === 1 ? box.dataset.yes : tick === 0 ? box.dataset.no : ""; }
            return Math.abs(tick) >= 10000 ? (tick / 1000) + "k" : String(Math.round(tick * 100) / 100);
          }); } }
      ],
      series: [
        {},
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: colour("--chart-line"), width: 1.75, spanGaps: false, points: { size: 4 },
          paths: bool ? window.uPlot.paths.stepped({ align: 1 }) : undefined }
      ],
      bands: bool ? [] : [{ series: [2, 1], fill: colour("--chart-fill") }],
      hooks: { setCursor: [function (u) {
        var index = u.cursor.idx;
        say(index === null || index === undefined ? newest(plot.series) : plot.series.mean[index]);
      }] }
    }, data, plot);
    plot.chart = chart;
    named();
  }

  function newest(series) {
    for (var n = series.mean.length - 1; n >= 0; n--) { if (series.mean[n] !== null) { return series.mean[n]; } }
    return null;
  }

  /** Points by field, with a hole wherever nothing was read for more than two steps. */
  function byField(items, field, everyS) {
    var series = { at: [], mean: [], min: [], max: [] }, before = null;
    items.forEach(function (item) {
      var at = Date.parse(item.from) / 1000;
      if (before !== null && at - before > 2.5 * everyS) {
        series.at.push(before + everyS);
        series.mean.push(null); series.min.push(null); series.max.push(null);
      }
      var has = item.mean && item.mean[field] !== undefined;
      series.at.push(at);
      series.mean.push(has ? item.mean[field] : null);
      series.min.push(has ? item.min[field] : null);
      series.max.push(has ? item.max[field] : null);
      before = at;
    });
    return series;
  }

  function load(history) {
    var data = history.dataset;
    if (history.loading) { return Promise.resolve(); }
    history.loading = true;
    return fetch(data.address, { headers: { Accept: "application/json" }, credentials: "same-origin" })
      .then(function (answer) { if (!answer.ok) { throw new Error(answer.status); } return answer.json(); })
      .then(function (found) {
        history.querySelectorAll(".chart").forEach(function (box) {
          var series = byField(found.items, box.dataset.field, Number(data.every));
          var any = series.mean.some(function (value) { return value !== null; });
          box.hidden = !any;
          if (any) { draw(box, series, Number(data.from), Number(data.to)); }
        });
        history.querySelector(".unread").hidden = found.items.length > 0;
        history.querySelector(".failed").hidden = true;
        history.failures = 0;
      })
      .catch(function () {
        history.querySelector(".failed").hidden = false;
        history.failures = (history.failures || 0) + 1;
      })
      .finally(function () {
        history.loading = false;
        history.dataset.drawn = "yes";
        history.nextMs = performance.now() + waitMs(history);
      });
  }

  function waitMs(history) {
    var renewMs = Math.max(LOOK_MS, Number(history.dataset.renew) * 1000);
    return Math.min(renewMs * Math.pow(2, Math.min(history.failures || 0, 6)), Math.max(renewMs, RENEW_MOST_MS));
  }

  /** The strip, its scale and the span of time as they are now, then the readings of it. */
  function renew(history) {
    history.nextMs = performance.now() + waitMs(history);
    fetch(history.dataset.part, { headers: { "HX-Request": "true" }, credentials: "same-origin" })
      .then(function (answer) { if (!answer.ok) { throw new Error(answer.status); } return answer.text(); })
      .then(function (text) {
        var fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[data-history]");
        if (!fresh || !history.isConnected) { return null; }
        ["address", "every", "from", "to", "renew"].forEach(function (name) {
          history.dataset[name] = fresh.dataset[name];
        });
        [".strip-box", ".legend"].forEach(function (part) {
          history.querySelector(part).replaceWith(fresh.querySelector(part));
        });
        return load(history);
      })
      .catch(function () {
        history.failures = (history.failures || 0) + 1;
        history.nextMs = performance.now() + waitMs(history);
      });
  }

  window.setInterval(function () {
    if (document.hidden) { return; }
    document.querySelectorAll("[data-history][data-drawn]").forEach(function (history) {
      if (performance.now() >= (history.nextMs || 0) && !history.loading) { renew(history); }
    });
  }, LOOK_MS);

  function all() { document.querySelectorAll("[data-history]:not([data-drawn])").forEach(load); }

  document.addEventListener("DOMContentLoaded", all);
  document.addEventListener("htmx:afterSettle", all);
  var widthTimer = 0;
  window.addEventListener("resize", function () {
    window.clearTimeout(widthTimer);
    widthTimer = window.setTimeout(function () {
      document.querySelectorAll(".plot").forEach(function (plot) {
        if (plot.chart) { plot.chart.setSize({ width: plot.clientWidth, height: HEIGHT }); }
      });
    }, 150);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
    document.querySelectorAll("[data-history]").forEach(function (history) {
      history.querySelectorAll(".plot").forEach(function (plot) { delete plot.chart; }); // its colours are others now
      delete history.dataset.drawn;
    });
    all();
  });
})();
