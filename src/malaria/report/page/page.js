const charts = JSON.parse(document.getElementById('charts').textContent);
const root = document.documentElement;
const night = matchMedia('(prefers-color-scheme: dark)');
const brighter = { '#0072B2': '#4FA8E0', '#009E73': '#2CC99B', '#D55E00': '#FF8A4C', '#CC79A7': '#E6A3C8' };
const narrow = matchMedia('(max-width: 600px)');
const PAPER_PX = 680;
const NARROW_HEAD_PX = 66;  // a narrow legend takes two rows below its title
const tint = name => getComputedStyle(root).getPropertyValue(name).trim();
const onPaper = () => root.classList.contains('paper');
function coloured(data) {
  if (!night.matches || onPaper()) return data;
  return JSON.parse(JSON.stringify(data), (key, value) => brighter[value] ?? value);
}
const ofMark = item => tint(item.name === 'bad' ? '--bad' : '--soft');
function spread(layout) {  // the charts further from each other
  const { pane_px, head_px } = layout.meta;
  const axes = Object.keys(layout).filter(key => key.startsWith('yaxis'));
  const step = pane_px + NARROW_HEAD_PX, inner = axes.length * step - NARROW_HEAD_PX;
  axes.forEach((key, number) => {
    const top = 1 - number * step / inner;
    layout[key].domain = [Math.max(top - pane_px / inner, 0), top];
    layout[`legend${key.slice(5)}`].y = top;
  });
  layout.height += axes.length * (NARROW_HEAD_PX - head_px);
  layout.margin.t = NARROW_HEAD_PX;
}
function dress(layout) {
  const dressed = structuredClone(layout);
  if (narrow.matches && !onPaper()) spread(dressed);
  const scale = Math.max(1, parseFloat(getComputedStyle(root).fontSize) / 16);
  const size = 12 * scale;
  dressed.height *= scale;
  for (const side of Object.keys(dressed.margin)) dressed.margin[side] *= scale;
  Object.assign(dressed, { paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)' });
  dressed.font = { family: 'system-ui, sans-serif', size, color: tint('--ink') };
  dressed.hoverlabel = { bgcolor: tint('--card'), bordercolor: tint('--line'), font: { color: tint('--ink') } };
  for (const key of Object.keys(dressed)) if (/^[xy]axis/.test(key)) {
    for (const part of ['gridcolor', 'linecolor', 'zerolinecolor']) dressed[key][part] = tint('--line');
    Object.assign(dressed[key], { spikecolor: tint('--soft'), fixedrange: matchMedia('(pointer: coarse)').matches });
  }
  if (narrow.matches && !onPaper()) for (const key of Object.keys(dressed)) if (key.startsWith('legend')) {
    dressed[key].title.side = 'top';
    dressed[key].font = { size: 10 };
  }
  for (const shape of dressed.shapes ?? [])
    if (shape.type === 'rect') shape.fillcolor = tint('--shade'); else shape.line.color = ofMark(shape);
  for (const note of dressed.annotations ?? []) note.font = { ...note.font, color: ofMark(note) };
  if (onPaper()) Object.assign(dressed, { width: PAPER_PX, autosize: false });
  return dressed;
}
const settings = { responsive: true, displaylogo: false, displayModeBar: false };
const pending = new Set();
function drawOne(id) {
  pending.delete(id);
  const layout = dress(charts[id].layout);
  document.getElementById(id).style.height = `${layout.height}px`;
  Plotly.react(id, coloured(charts[id].data), layout, settings);
}
function drawNext() {  // one at a time, so that a page of many levels can be read meanwhile
  const [id] = pending;
  if (id === undefined) { root.dataset.drawn = 'all'; return; }
  drawOne(id);
  setTimeout(drawNext);
}
function draw() {
  const idle = pending.size === 0;
  for (const id of Object.keys(charts)) pending.add(id);
  if (idle) drawNext();
}
draw();
for (const change of [night, narrow]) change.addEventListener('change', draw);
addEventListener('beforeprint', () => {
  root.classList.add('paper');
  for (const id of Object.keys(charts)) drawOne(id);
});
addEventListener('afterprint', () => { root.classList.remove('paper'); draw(); });
for (const button of document.querySelectorAll('button[data-copy]')) button.addEventListener('click', () => {
  getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
  document.execCommand('copy');
  button.textContent = 'copied';
});
