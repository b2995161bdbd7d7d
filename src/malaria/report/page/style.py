"""The page's style sheet and its few lines of script. Quiet type, light and dark, phone to wall, good on paper."""

from __future__ import annotations

from typing import Final

_LIGHT: Final = """color-scheme: light; --ink: #1c2126; --soft: #5c666f; --paper: #ffffff; --card: #f5f6f7;
  --line: #dfe3e6; --shade: #f0f2f4; --good: #00705a; --bad: #b3361e; --doubt: #8a5a00; --link: #0b62a8;"""
_DARK: Final = """color-scheme: dark; --ink: #e4e7ea; --soft: #9aa4ad; --paper: #15181b; --card: #1f2428;
  --line: #30363c; --shade: #1d2125; --good: #35c9a5; --bad: #ff8a70; --doubt: #f0b64a; --link: #7ab8ee;"""

CSS: Final = (
    f"""
:root {{ {_LIGHT} font-size: clamp(16px, 0.62vw, 28px); }}
@media (prefers-color-scheme: dark) {{ :root:not(.paper) {{ {_DARK} }} }}
"""
    """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; background: var(--paper); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 73rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1rem; font-weight: 400; margin: 0; overflow-wrap: anywhere; color: var(--soft); }
h1 b { color: var(--ink); }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p, dd, li { max-width: 75ch; overflow-wrap: anywhere; } p { margin: .4rem 0; }
a { color: var(--link); text-underline-offset: .15em; } .card a, th a, td a { text-decoration-color: var(--line); }
.soft { color: var(--soft); } .small { font-size: .875rem; }
.verdict { font-size: clamp(1.25rem, 3.2vw, 1.9rem); line-height: 1.25; margin: .6rem 0 .3rem; font-weight: 600;
  overflow-wrap: anywhere; max-width: none; }
.PASS { color: var(--good); } .FAIL { color: var(--bad); } .INVALID, .UNKNOWN { color: var(--doubt); }
.verdict + p::first-letter { text-transform: uppercase; }
ul.reasons { margin: .3rem 0; padding-left: 1.1rem; color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.8rem, 1fr)); gap: .6rem;
  margin: 1rem 0 .6rem; }
.card { background: var(--card); border-radius: 8px; padding: .55rem .8rem; }
.card span { display: block; }
.card b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.35; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .94rem; }
th, td { padding: .3rem 0 .3rem 1.1rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  white-space: nowrap; }
th { font-weight: 600; color: var(--soft); }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0;
  background: var(--paper); }
td.words, th.words { text-align: left; white-space: normal; overflow-wrap: anywhere;
  min-width: 9rem; }
table.levels :is(th, td):nth-child(2), table.seen :is(th, td):first-child { text-align: left; }
table.levels th, table.seen th { white-space: normal; vertical-align: bottom; } .variant { padding-left: 1rem; }
tbody th { font-weight: 400; color: inherit; } tr.sum th { border-top: 2px solid var(--soft); font-weight: 600;
  color: var(--ink); }
table.perf { width: auto; } table.perf td { font-size: .875rem; }
svg.flame { display: block; min-width: 36rem; font: 11px ui-monospace, monospace; margin: .6rem 0; }
svg.flame rect { stroke: var(--paper); stroke-width: 1; } svg.flame text { fill: #101418; }
svg.flame svg:hover > rect { stroke: var(--ink); stroke-width: 2; }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; vertical-align: -.08rem; }
.key.program { background: #7ABEE6; } .key.kernel { background: #EFB54B; }
.split { display: flex; height: .8rem; max-width: 40rem; margin: .7rem 0 0; border-radius: 3px; overflow: hidden; }
.tcp { background: #56B4E9; } .tls { background: #E69F00; } .upgrade { background: #CC79A7; }
.connack { background: #009E73; }
table.facts { width: auto; } table.facts :is(td, th):first-child { color: var(--soft); white-space: normal; }
.sign { display: inline-block; width: 1.1rem; color: var(--soft); }
table.sum { margin-bottom: .9rem; } table.sum :is(td, th):first-child { width: 13rem; }
table.sum td:nth-child(2) { width: 6rem; } table.sum .words { color: var(--soft); font-weight: 400; }
tr.sum td { border-top: 2px solid var(--soft); font-weight: 600; }
dt { font-weight: 600; margin-top: .8rem; } dd { margin: 0; } dt:target { color: var(--link); }
dl { columns: 26rem; column-gap: 3rem; } dl div { break-inside: avoid; padding-top: .01px; }
pre { background: var(--card); padding: .7rem .8rem; border-radius: 8px; overflow-x: auto; font-size: .875rem;
  margin: .4rem 0; }
code { font-family: ui-monospace, monospace; font-size: .9em; } pre code { font-size: inherit; }
.command { display: flex; align-items: flex-start; gap: .5rem; }
.command pre { flex: 1; min-width: 0; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
button { font: inherit; font-size: .875rem; color: var(--ink); background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: .55rem .8rem; cursor: pointer; }
.chart { width: 100%; margin: .3rem 0; } details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--soft); }
nav ul { padding-left: 1.1rem; columns: 2; } nav ul ul { columns: 1; } nav li { break-inside: avoid; }
@media (max-width: 600px) { nav ul { columns: 1; } }
@media print { :root { font-size: 12px; } main { max-width: none; padding: 0; } button, nav { display: none; }
  h2, h3 { break-after: avoid; } .card, tr, dl div { break-inside: avoid; } .scroll { overflow: visible; } }
"""
)

SCRIPT: Final = """
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
"""
