'use strict';
/* Draws the charts of a page with uPlot: one canvas for each panel, one cursor for all panels of a chart.
   A chart is what chart_model.py makes. `drawChart` takes its tables with it, and `updateChart` gives it more rows on the
   page of a run that goes on. */
const root = document.documentElement;
const night = matchMedia('(prefers-color-scheme: dark)');
const MOST_TIP_LINES = 8;
const GUTTER_PX = 58, AXIS_PX = 24, RIGHT_PX = 14, MARK_ROW_PX = 16, MARK_ROWS = 6, MOST_TIP_MARKS = 4, NEAR_PX = 5;
const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const DASHES = { solid: [], dash: [7, 4], dot: [2, 3] };
const tint = name => getComputedStyle(root).getPropertyValue(name).trim();
const onPaper = () => root.classList.contains('paper');
const scaleOfText = () => Math.max(1, parseFloat(getComputedStyle(root).fontSize) / 16);
function lineColour(hex) {  // a dark page needs brighter lines; a name is that of a colour of the style sheet
  if (hex.startsWith('--')) return tint(hex);
  if (!night.matches || onPaper()) return hex;
  const mixed = [1, 3, 5].map(at => Math.round(parseInt(hex.slice(at, at + 2), 16) * .68 + 255 * .32));
  return `#${mixed.map(part => part.toString(16).padStart(2, '0')).join('')}`;
}
function make(tag, kind, parent, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

/* --- figures in words, as units.py writes them --- */
const grouped = (value, decimals) => value.toLocaleString('en-US',
  { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
const plainNumber = value => Number.isInteger(value) || Math.abs(value) >= 1000 ? grouped(value, 0)
  : String(Number(value.toPrecision(4)));
const inMs = ms => `${ms === 0 ? '0' : grouped(ms, ms < .0995 ? 3 : ms < .995 ? 2 : ms < 9.95 ? 1 : 0)} ms`;
function inBytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) { value /= 1000; unit++; }
  return `${unit && value < 9.95 ? value.toFixed(1) : grouped(value, 0)} ${units[unit]}`;
}
function clock(seconds) {
  const whole = Math.floor(Math.abs(seconds) + 1e-6);
  return `${seconds < -1e-6 ? '−' : ''}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
function figure(value, unit) {
  if (unit === 'ms') return inMs(value);
  if (unit === 'B') return inBytes(value);
  return `${plainNumber(value)}${unit.startsWith('/') ? '' : ' '}${unit}`.trim();
}
const tickOf = { count: value => value >= 1e5 ? `${plainNumber(value / 1e6)} M` : plainNumber(value),
  bytes: value => value ? inBytes(value) : '0', ms: value => value >= 1000 ? `${plainNumber(value / 1000)} s` : `${plainNumber(value)} ms` };

/* --- scales --- */
const LEAST_TICKS = 3;
const TICKS_OF_MS = [[[1], 2], [[1], 1], [[1, 3], 1], [[1, 2, 5], 1], [[1, 2, 3, 5, 7], 1]];  // steps, every so many decades
function msTicks(low, high) {  // the wider the axis, the fewer ticks, but never fewer than three if there are any
  const wide = Math.log10(high / low);
  let ticks = [];
  for (const [steps, every] of TICKS_OF_MS.slice(wide < 1.7 ? 3 : wide < 3.5 ? 1 : 0)) {
    ticks = [];
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++)
      for (const step of steps) {
        const tick = Number((step * 10 ** decade).toPrecision(3));
        if (tick >= low && tick <= high && decade % every === 0) ticks.push(tick);
      }
    if (ticks.length >= LEAST_TICKS) break;
  }
  return ticks;
}
function rangeOfY(panel) {
  const far = panel.limits.map(limit => limit[0]);
  if (panel.scale === 'ms') {
    return () => {
      let [low, high] = panel.range ?? [1, 10];
      for (const limit of far) {
        if (limit <= high * 10) high = Math.max(high, limit * 1.3);
        if (limit >= low / 10) low = Math.min(low, limit / 1.3);
      }
      return [low, high];
    };
  }
  return (u, least, most) => [Math.min(0, least ?? 0), Math.max(most ?? 0, 0) * 1.08 || 1];
}
function rangeOfX(chart, x) {
  if (!x.length) return [0, 1];
  const first = chart.axis === 'time' && chart.spans.length ? Math.min(x[0], chart.spans[0][0]) : x[0];
  const last = x[x.length - 1], pad = chart.axis === 'load' ? (last - first) * .07 || 1 : 0;
  return first === last ? [first - 1, last + 1] : [first - pad, last + pad];
}

/* --- what is drawn besides the lines --- */
function shade(u, chart) {
  const { left, top, width, height } = u.bbox;
  for (const [begin, end, , isBad] of chart.spans) {
    const from = Math.max(u.valToPos(begin, 'x', true), left), to = Math.min(u.valToPos(end, 'x', true), left + width);
    u.ctx.fillStyle = tint(isBad ? '--shade-bad' : '--shade');
    if (to > from) u.ctx.fillRect(from, top, to - from, height);
  }
}
function upright(u, at, colour) {
  const x = Math.round(u.valToPos(at, 'x', true)), { left, top, width, height } = u.bbox;
  if (x < left || x > left + width) return;
  u.ctx.strokeStyle = colour;
  u.ctx.lineWidth = 1.5 * devicePixelRatio;
  u.ctx.setLineDash([2, 3].map(part => part * devicePixelRatio));
  u.ctx.beginPath(); u.ctx.moveTo(x, top); u.ctx.lineTo(x, top + height); u.ctx.stroke();
}
function limitLine(u, [value, text], size, isLeft, isBelow) {
  const y = Math.round(u.valToPos(value, 'y', true)), { left, top, width, height } = u.bbox, { ctx } = u;
  if (!(y >= top && y <= top + height)) return;
  const hasRoom = y + 14 * size * devicePixelRatio <= top + height;
  ctx.strokeStyle = ctx.fillStyle = tint('--bad');
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6, 4].map(part => part * devicePixelRatio));
  ctx.beginPath(); ctx.moveTo(left, y); ctx.lineTo(left + width, y); ctx.stroke();
  ctx.font = `${10 * size * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = isLeft ? 'left' : 'right'; ctx.textBaseline = isBelow && hasRoom ? 'top' : 'bottom';
  ctx.fillText(text, isLeft ? left + 4 : left + width - 4, isBelow && hasRoom ? y + 3 : y - 2);
}
const SHAPES = {
  circle: (ctx, r) => ctx.arc(0, 0, r, 0, 7),
  square: (ctx, r) => ctx.rect(-r * .9, -r * .9, r * 1.8, r * 1.8),
  diamond: (ctx, r) => { ctx.moveTo(0, -r * 1.3); ctx.lineTo(r * 1.3, 0); ctx.lineTo(0, r * 1.3); ctx.lineTo(-r * 1.3, 0); ctx.closePath(); },
  cross: (ctx, r) => { for (const way of [1, -1]) { ctx.moveTo(-r, -r * way); ctx.lineTo(r, r * way); } },
};
function markers(u, line, values) {
  const { ctx } = u;
  values.forEach((value, place) => {
    if (value == null) return;
    const [shape, open] = (line.markers[place] ?? 'circle').split('-'), isOpen = open === 'open' || shape === 'open';
    const small = !line.colours, radius = (shape === 'dot' ? 2 : small ? 3 : 5) * devicePixelRatio;
    ctx.save();
    ctx.translate(u.valToPos(u.data[0][place], 'x', true), u.valToPos(value, 'y', true));
    ctx.setLineDash([]);
    ctx.strokeStyle = ctx.fillStyle = lineColour(line.colours?.[place] ?? line.colour);
    ctx.lineWidth = (shape === 'cross' ? 3 : 1.5) * devicePixelRatio;
    ctx.beginPath();
    (SHAPES[shape] ?? SHAPES.circle)(ctx, radius);
    if (isOpen && shape !== 'cross') { ctx.fillStyle = tint('--paper'); ctx.fill(); ctx.stroke(); }
    else if (shape === 'cross') { if (isOpen) ctx.lineWidth = 1.5 * devicePixelRatio; ctx.stroke(); } else ctx.fill();
    ctx.restore();
  });
}

/* --- the tooltip: names and units of the panel under the pointer --- */
function tipLines(u, chart, panel) {
  const { idx, top } = u.cursor, x = u.data[0][idx], found = [];
  panel.lines.forEach((line, number) => {
    const same = chart.axis === 'load' ? u.data[0].flatMap((other, place) => other === x ? [place] : []) : [idx];
    for (const place of same) {
      const value = u.data[number + 1][place];
      if (value == null) continue;
      const text = chart.axis === 'nines' ? line.texts[place]
        : `${figure(value, line.unit ?? '')}${line.texts ? ` ${line.texts[place]}` : ''}`;
      found.push({ line, text, place, away: Math.abs(u.valToPos(value, 'y') - top) });
    }
  });
  const room = MOST_TIP_LINES - 1 - markTexts(u, chart).length;
  const nearest = new Set([...found].sort((a, b) => a.away - b.away).slice(0, room));
  return found.filter(one => nearest.has(one));
}
const markTexts = (u, chart) => chart.marks
  .filter(([at]) => Math.abs(u.valToPos(at, 'x') - u.cursor.left) < NEAR_PX).slice(0, MOST_TIP_MARKS).map(mark => mark[1]);
function tipHead(u, chart) {
  const x = u.data[0][u.cursor.idx];
  if (chart.axis === 'nines') return '';
  if (chart.axis === 'load') return `${plainNumber(x)} ${chart.label}`;
  const span = chart.spans.find(([begin, end, text]) => text && x > begin && x <= end);
  return `${clock(x)}${span ? ` ${span[2]}` : ''}`;
}
function showTip(tip, u, chart, panel) {
  if (u.cursor.idx == null || u.cursor.left < 0) { tip.hidden = true; return; }
  const lines = tipLines(u, chart, panel), head = tipHead(u, chart), texts = markTexts(u, chart);
  tip.replaceChildren();
  if (head) make('b', '', tip, head);
  for (const text of texts) make('span', 'bad', tip, text);
  for (const { line, text, place } of lines) {
    const row = make('span', '', tip);
    make('i', 'swatch', row).style.background = lineColour(line.colours?.[place] ?? line.colour);
    make('span', '', row, `${line.name} `);
    make('b', '', row, text);
  }
  tip.hidden = !lines.length && !texts.length;
  const place = u.root.offsetLeft + u.over.offsetLeft + u.cursor.left, beyond = place > tip.parentElement.clientWidth / 2;
  tip.style.top = `${u.root.offsetTop + 6}px`;
  tip.style.left = beyond ? 'auto' : `${place + 12}px`;
  tip.style.right = beyond ? `${tip.parentElement.clientWidth - place + 12}px` : 'auto';
}

/* --- one panel --- */
function headOf(box, panel, chart) {
  const head = make('div', 'panel-head', box), entries = new Map();
  make('b', '', head, `${panel.title}${panel.scale === 'ms' ? ' (log)' : ''}`);
  for (const line of panel.lines) if (line.joined) entries.set(line.entry ?? line.name, line);
  if (entries.size > 1 || chart.axis !== 'load' && panel.title !== [...entries.keys()][0]) for (const [name, line] of entries) {
    const entry = make('span', 'entry', head), swatch = make('i', `line ${line.dash ?? ''}`, entry);
    swatch.style.borderTopColor = lineColour(line.colour);
    swatch.style.borderTopWidth = `${Math.min(line.width, 6)}px`;
    if (line.faint) swatch.style.opacity = .45;
    entry.append(name);
  }
  if (panel === chart.panels[0]) explainShade(head, chart);
  if (panel.fault) make('span', 'fault', head, panel.fault);
}
function explainShade(head, chart) {  // the grey parts, once for a chart
  const grey = chart.spans.filter(([, , , isBad]) => !isBad).map(([begin]) => begin < 0 ? 'before' : 'after');
  if (!grey.length) return;
  const entry = make('span', 'entry', head);
  make('i', 'shade', entry);
  entry.append(`${[...new Set(grey)].join(' and ')} the load`);
}
/* The places of values that no line reaches, because both neighbours are unknown; null without any. */
function lone(values) {
  const isKnown = place => (values[place] ?? null) !== null, places = [];
  for (let place = 0; place < values.length; place += 1)
    if (isKnown(place) && !isKnown(place - 1) && !isKnown(place + 1)) places.push(place);
  return places.length ? places : null;
}
function seriesOf(line, chart) {
  const colour = lineColour(line.colour);
  return {
    label: line.name, stroke: line.faint ? `${colour}73` : colour, dash: DASHES[line.dash],
    width: line.joined ? line.width : 0, spanGaps: chart.axis !== 'time',
    paths: line.steps ? uPlot.paths.stepped({ align: -1 }) : undefined,
    points: { show: !line.markers && chart.x.length < 3, size: 6, fill: colour,
      filter: (plot, place, all) => (all || line.markers || chart.axis !== 'time' ? null : lone(plot.data[place])) },
  };
}
function axesOf(chart, panel, showsX, size) {
  const look = { stroke: tint('--soft'), font: `${11.5 * size}px system-ui, sans-serif`,
    grid: { stroke: tint('--line'), width: 1 }, ticks: { show: false } };
  const x = { ...look, size: (showsX ? AXIS_PX : 4) * size, gap: 4 };
  if (!showsX) x.values = (u, splits) => splits.map(() => '');
  else if (chart.axis === 'time') x.values = (u, splits) => splits.map(clock);
  if (chart.axis === 'time') { x.incrs = CLOCK_STEPS; x.space = 60 * size; }
  if (chart.ticks.length) {
    x.splits = u => roomy(u, chart.ticks, size).map(([at]) => at);
    if (showsX) x.values = (u, splits) => splits.map(at => chart.ticks.find(tick => tick[0] === at)?.[1] ?? '');
  }
  const y = { ...look, size: GUTTER_PX * size, gap: 6, space: 26 * size,
    values: (u, splits) => splits.map(value => value == null ? '' : tickOf[panel.scale](value)) };
  if (panel.scale === 'ms') Object.assign(y, { splits: u => msTicks(u.scales.y.min, u.scales.y.max), filter: (u, s) => s });
  return [x, y];
}
function roomy(u, ticks, size) {  // those whose texts do not touch
  const kept = [];
  let free = -Infinity;
  for (const [at, text] of ticks) {
    const half = text.length * 3.6 * size, middle = u.valToPos(at, 'x');
    if (middle - half >= free) { kept.push([at, text]); free = middle + half + 8; }
  }
  return kept;
}
const dataOf = (chart, panel) => [chart.x, ...panel.lines.map(line => line.values)];
function drawPanel(host, chart, panel, showsX, tip, onScale) {
  const box = make('div', 'panel', host), size = scaleOfText();
  headOf(box, panel, chart);
  const foot = (showsX ? AXIS_PX : 4) * size;
  let under = false;
  const plot = new uPlot({
    width: Math.max(box.clientWidth, 160), height: panel.height * size + foot + 6, padding: [6, RIGHT_PX, 0, 0],
    legend: { show: false }, pxAlign: 0,
    cursor: { sync: { key: host.id }, y: false, drag: { x: true, y: false }, points: { size: 7 } },
    scales: { x: { time: false, range: (u, a, b) => u.zoomed ? [a, b] : rangeOfX(chart, chart.x) },
      y: { distr: panel.scale === 'ms' ? 3 : 1, range: rangeOfY(panel) } },
    series: [{}, ...panel.lines.map(line => seriesOf(line, chart))],
    axes: axesOf(chart, panel, showsX, size),
    hooks: {
      drawClear: [u => shade(u, chart)],
      ready: [u => onScale?.(u)],
      setScale: [(u, key) => { if (key === 'x') onScale?.(u); }],
      setSelect: [u => { u.zoomed = u.select.width > 0; }],
      draw: [u => {
        u.ctx.save();
        for (const [at, , isBad] of chart.marks) upright(u, at, tint(isBad ? '--bad' : '--soft'));
        if (chart.axis === 'time' && chart.spans.length) upright(u, 0, tint('--soft'));
        const lowest = Math.min(...panel.limits.map(limit => limit[0]));  // its text is below it, apart from the others
        for (const limit of panel.limits)
          limitLine(u, limit, size, chart.axis === 'load', panel.limits.length > 1 && limit[0] === lowest);
        for (const line of panel.lines) if (line.markers) markers(u, line, line.values);
        u.ctx.restore();
      }],
      setCursor: [u => { if (under) showTip(tip, u, chart, panel); }],
    },
  }, dataOf(chart, panel), box);
  plot.over.addEventListener('mouseenter', () => { under = true; });
  plot.over.addEventListener('mouseleave', () => { under = false; tip.hidden = true; });
  plot.over.addEventListener('dblclick', () => { plot.zoomed = false; });
  return plot;
}

/* --- the marks above a chart: their texts, as many as have room; the tooltip and the table have all --- */
function labelMarks(strip, plot, chart) {
  strip.replaceChildren();
  const free = Array(MARK_ROWS).fill(-Infinity), size = scaleOfText(), left = plot.over.offsetLeft;
  const untold = [];
  let rows = 0;
  for (const [at, text, isBad] of chart.marks) {
    const label = make('span', isBad ? 'bad' : '', strip, text), place = left + plot.valToPos(at, 'x');
    const room = strip.clientWidth, width = Math.min(label.offsetWidth, room * .6), begin = Math.max(0, Math.min(place, room - width));
    const row = free.findIndex(end => end <= begin);
    if (row < 0 || place < left - 1 || place > room) {
      label.remove();
      if (row < 0) untold.push(text);
      continue;
    }
    Object.assign(label.style, { left: `${begin}px`, maxWidth: `${width + 1}px`, top: `${row * MARK_ROW_PX * size}px` });
    free[row] = begin + width + 10;
    rows = Math.max(rows, row + 1);
  }
  if (untold.length) {
    const more = make('span', 'untold', strip, `${untold.length} more: point at the dotted lines`);
    more.title = untold.join('\n');
    Object.assign(more.style, { left: `${left}px`, top: `${rows++ * MARK_ROW_PX * size}px` });
  }
  strip.style.height = `${rows * MARK_ROW_PX * size}px`;
}

/* --- the shapes of the levels' markers --- */
const SHAPE_SIGNS = { PASS: ['●', 'circle'], FAIL: ['✕', 'cross'], INVALID: ['◆', 'diamond'], UNKNOWN: ['■', 'square'] };
function explainShapes(host, chart) {
  const used = new Set(chart.panels.flatMap(panel => panel.lines.flatMap(line => line.markers ?? [])));
  const row = make('div', 'shapes', host);
  make('span', '', row, `by ${chart.label}:`);
  for (const [verdict, [sign, shape]] of Object.entries(SHAPE_SIGNS)) if (used.has(shape) || used.has(`${shape}-open`)) {
    const entry = make('span', '', row);
    make('i', verdict, entry, sign);
    entry.append(verdict);
  }
  if ([...used].some(shape => shape.endsWith('-open'))) make('span', '', row, 'open: variants, and levels with surges');
  for (const [, text] of chart.marks) make('span', 'bad', row, `┊ ${text}`);
}

/* --- one chart --- */
const drawnPlots = new Map(), drawnCharts = new Map();
function withValues(chart, tables) {
  const table = tables[chart.table];
  return {
    ...chart, x: table ? table.t_s.map(end => end - chart.zero) : chart.x,
    panels: chart.panels.map(panel => ({ ...panel, lines: panel.lines.map(line => {
      const values = line.values ?? table[line.column];
      return { joined: false, ...line, values: panel.scale === 'ms' ? values.map(value => value || null) : values };
    }) })),
  };
}
function drawChart(host, stored, tables) {
  for (const plot of drawnPlots.get(host) ?? []) plot.destroy();
  host.replaceChildren();
  host.classList.toggle('grid', stored.grid);
  const chart = withValues(stored, tables);
  if (!chart.x.length || !chart.panels.length) { make('p', 'soft', host, 'nothing was recorded'); drawnPlots.set(host, []); return; }
  const strip = make('div', 'mark-strip', host), tip = make('div', 'tip', host);
  tip.hidden = true;
  const plots = chart.panels.map((panel, number) => drawPanel(
    host, chart, panel, stored.grid || number === chart.panels.length - 1, tip,
    number === 0 && !stored.grid ? plot => labelMarks(strip, plot, chart) : null));
  if (stored.grid) explainShapes(host, chart);
  host.style.minHeight = '';
  drawnPlots.set(host, plots);
  drawnCharts.set(host, chart);
}

/* --- a chart of a run that goes on: new values in the plots that are there, so that zoom and tooltip stay --- */
const shapeOf = chart => JSON.stringify([chart.spans.map(span => span[2]), chart.panels.map(panel =>
  [panel.title, panel.fault, panel.lines.map(line => line.name)])]);
function updateChart(host, stored, tables) {
  const drawn = drawnCharts.get(host), fresh = withValues(stored, tables), plots = drawnPlots.get(host);
  if (!drawn || !plots?.length || drawn.x.length < 3 || shapeOf(drawn) !== shapeOf(fresh)) { drawChart(host, stored, tables); return; }
  Object.assign(drawn, { x: fresh.x, marks: fresh.marks, spans: fresh.spans });
  drawn.panels.forEach((panel, number) => {
    panel.range = fresh.panels[number].range;
    panel.lines.forEach((line, place) => { line.values = fresh.panels[number].lines[place].values; });
    const plot = plots[number], { min, max } = plot.scales.x;
    plot.batch(() => {
      plot.setData(dataOf(drawn, panel), !plot.zoomed);
      if (plot.zoomed) plot.setScale('x', { min, max });
    });
  });
}
