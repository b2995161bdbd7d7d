'use strict';
/* The page of a run that goes on: takes what is new once a second and shows it. `live_parts.js` writes the text,
   `steer.js` changes the load. The whole run so far is in the page; later views have only what changed (RunView). */
const CHART_ID = 'live-chart', TABLE_NAME = 'series', MOST_EVENTS = 200, SILENCE_MS = 6000;
const known = { id: '', epoch: -1, status: null, facts: null, campaign: null, columns: {}, events: [], chart: null };
const byId = id => document.getElementById(id);

/* --- what is new replaces the rows from `first_row` on --- */
function takeRows(view) {
  if (view.epoch !== known.epoch) known.columns = {};
  const columns = {};
  for (const [name, rows] of Object.entries(view.columns)) {
    const before = (known.columns[name] ?? []).slice(0, view.first_row);
    while (before.length < view.first_row) before.push(null);
    columns[name] = before.concat(rows);
  }
  if (Object.keys(columns).length) known.columns = columns;
}
function takeEvents(view) {
  const fresh = view.epoch !== known.epoch;
  if (fresh) known.events = [];
  known.events = known.events.concat(view.events).slice(-MOST_EVENTS);
  return fresh || view.events.length > 0;
}
function take(view) {
  const isFresh = view.epoch !== known.epoch, startKnown = known.status?.load_start_s !== view.status.load_start_s;
  takeRows(view);
  const newEvents = takeEvents(view) || startKnown;
  Object.assign(known, { id: view.id, epoch: view.epoch, status: view.status, facts: view.facts, campaign: view.campaign });
  known.chart = view.chart ?? (isFresh ? null : known.chart);  // what is drawn stays until there is something new
  showText(known, newEvents);
  drawLive();
}
function drawLive() {
  if (!known.chart || document.hidden || onPaper()) return;
  pageData.charts = { [CHART_ID]: known.chart };
  pageData.tables = { [TABLE_NAME]: known.columns };
  updateChart(byId(CHART_ID), known.chart, pageData.tables);
  root.dataset.drawn = 'all';
}
document.addEventListener('visibilitychange', drawLive);

/* --- the stream; the browser comes back by itself, and says what it knows --- */
const viewToken = new URLSearchParams(location.search).get('view');
let lastHeard = Date.now(), isOver = false;
function listen() {
  const query = new URLSearchParams({ since: known.id });
  if (viewToken) query.set('view', viewToken);
  const source = new EventSource(`/events?${query}`);
  source.addEventListener('run', event => { heard(); take(JSON.parse(event.data)); });
  source.addEventListener('report', () => { isOver = true; source.close(); location.reload(); });
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED && !isOver) setTimeout(listen, 3000);
  });
}
function heard() {
  lastHeard = Date.now();
  tellLink('');
}
setInterval(() => {
  const silent_ms = Date.now() - lastHeard;
  if (!isOver && silent_ms > SILENCE_MS)
    tellLink(`no answer for ${Math.round(silent_ms / 1000)} s: the command has ended, or cannot be reached`);
}, 1000);

pageReady.then(() => {
  take(JSON.parse(pageData.files.view));
  listen();
});
