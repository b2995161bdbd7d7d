'use strict';
/* What a page does besides charts: levels open one at a time, tables sort, definitions open where the figure stands. */
let pageData = { charts: {}, tables: {}, files: {} };
async function unpacked(identity) {
  const bytes = Uint8Array.from(atob(document.getElementById(identity).textContent), char => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).json();
}

/* --- charts: drawn where they can be seen, one at a time, so that a page can be read meanwhile --- */
const waiting = new Set(), drawnOnce = new Set();
const isHidden = place => place.closest('details:not([open])') !== null;
function drawOne(id) {
  waiting.delete(id);
  const place = document.getElementById(id);
  if (isHidden(place)) return;
  drawChart(place, pageData.charts[id], pageData.tables);
  drawnOnce.add(id);
}
function drawNext() {
  const [id] = waiting;
  if (id === undefined) { root.dataset.drawn = 'all'; return; }
  drawOne(id);
  setTimeout(drawNext);
}
function drawAll(ids = Object.keys(pageData.charts)) {
  const isIdle = waiting.size === 0;
  for (const id of ids) waiting.add(id);
  if (!isIdle) return;
  delete root.dataset.drawn;
  drawNext();
}

/* --- levels: one is open at a time --- */
const levels = [...document.querySelectorAll('details.level')];
for (const level of levels) level.addEventListener('toggle', () => {
  if (!level.open || onPaper()) return;
  drawAll(Object.keys(pageData.charts).filter(id => level.contains(document.getElementById(id)) && !drawnOnce.has(id)));
  if (level.id && location.hash !== `#${level.id}`) history.replaceState(null, '', `#${level.id}`);
});
function openTarget() {  // of a link to a level, or to something inside a folded part
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let one = target.closest('details'); one; one = one.parentElement.closest('details')) one.open = true;
  target.scrollIntoView();
}
addEventListener('hashchange', openTarget);

/* --- paper: everything is open, light, and as wide as a sheet --- */
let openedForPaper = [];
addEventListener('beforeprint', () => {
  root.classList.add('paper');
  openedForPaper = [...document.querySelectorAll('details.level:not([open]), details.on-paper:not([open])')];
  for (const level of levels) level.removeAttribute('name');
  for (const one of openedForPaper) one.open = true;
  for (const id of Object.keys(pageData.charts)) drawOne(id);
});
addEventListener('afterprint', () => {
  root.classList.remove('paper');
  for (const one of openedForPaper) one.open = false;
  for (const level of levels) level.setAttribute('name', 'level');
  openedForPaper = [];
  drawAll();
});

/* --- tables: a click on a head sorts, a third one gives the order of the file back --- */
function sortBy(table, column, way) {
  const body = table.tBodies[0], value = row => row.cells[column].dataset.rank ?? row.cells[column].textContent.trim();
  const rows = [...body.rows];
  rows.forEach((row, place) => { row.dataset.place ??= place; });
  const figures = rows.some(row => row.cells[column].dataset.rank !== undefined);
  const last = way * Infinity, number = text => text === '' || isNaN(text) ? last : Number(text);
  rows.sort((a, b) => way === 0 ? a.dataset.place - b.dataset.place : way * (figures
    ? number(value(a)) - number(value(b)) || 0 : value(a).localeCompare(value(b), 'en')));
  table.classList.toggle('sorted', way !== 0);
  body.append(...rows);
}
for (const table of document.querySelectorAll('table.sortable')) for (const button of table.querySelectorAll('th button'))
  button.addEventListener('click', () => {
    const head = button.closest('th'), was = head.getAttribute('aria-sort');
    for (const one of table.querySelectorAll('th[aria-sort]')) one.removeAttribute('aria-sort');
    const now = { ascending: 'descending', descending: null }[was] ?? (was === null ? 'ascending' : null);
    if (now) head.setAttribute('aria-sort', now);
    sortBy(table, head.cellIndex, { ascending: 1, descending: -1 }[now] ?? 0);
  });

/* --- definitions: they open where the figure stands --- */
let shownDefinition = null;
function closeDefinition() { shownDefinition?.box.remove(); shownDefinition = null; }
function openDefinition(link) {
  const isSame = shownDefinition?.link === link;
  closeDefinition();
  const entry = document.getElementById(link.hash.slice(1));
  if (isSame || !entry) return;
  const box = make('div', 'definition', document.body);
  box.setAttribute('role', 'note');
  make('b', '', box, entry.textContent);
  box.append(...entry.nextElementSibling.cloneNode(true).childNodes);
  const at = link.getBoundingClientRect(), width = Math.min(360, innerWidth - 24);
  Object.assign(box.style, { width: `${width}px`, top: `${at.bottom + scrollY + 6}px`,
    left: `${Math.max(12, Math.min(at.left + scrollX, innerWidth - width - 12))}px` });
  shownDefinition = { link, box };
}
document.addEventListener('click', event => {
  const link = event.target.closest?.('a[href^="#def-"]');
  if (link) { event.preventDefault(); openDefinition(link); }
  else if (!event.target.closest?.('.definition')) closeDefinition();
});
addEventListener('keydown', event => { if (event.key === 'Escape') closeDefinition(); });

/* --- buttons --- */
const quoted = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
function csvOf(table) {
  const names = Object.keys(table), lines = [names.map(quoted).join(',')];
  for (let row = 0; row < table[names[0]]?.length; row++) lines.push(names.map(name => quoted(String(table[name][row] ?? ''))).join(','));
  return `${lines.join('\n')}\n`;
}
for (const button of document.querySelectorAll('button[data-save]')) button.addEventListener('click', () => {
  const { save, file, table } = button.dataset, link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([file ? pageData.files[file] : csvOf(pageData.tables[table])]));
  link.download = save;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
for (const button of document.querySelectorAll('button[data-copy]')) button.addEventListener('click', () => {
  getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
  document.execCommand('copy');
  button.textContent = 'copied';
});

const pageReady = unpacked('data').then(data => { pageData = data; openTarget(); drawAll(); });
night.addEventListener('change', () => drawAll());
let lastWidth = innerWidth, redraw = 0;
addEventListener('resize', () => {
  if (innerWidth === lastWidth || onPaper()) return;  // a phone changes its height when its bars come and go
  lastWidth = innerWidth;
  clearTimeout(redraw);
  redraw = setTimeout(() => drawAll(), 150);
});
