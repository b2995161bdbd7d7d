"""The page's style sheet and its few lines of script. Quiet type, light and dark, phone to wall, good on paper."""

from __future__ import annotations

from typing import Final

CSS: Final = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5c666f; --paper: #ffffff; --card: #f5f6f7; --line: #d9dde1;
  --good: #00705a; --bad: #b3361e; --doubt: #8a5a00; --link: #0b62a8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #9aa4ad; --paper: #15181b; --card: #1e2226;
  --line: #343a40; --good: #35c9a5; --bad: #ff8a70; --doubt: #f0b64a; --link: #7ab8ee; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.15rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.8rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .4rem 0; max-width: 75ch; } a { color: var(--link); }
.soft { color: var(--soft); } .small { font-size: .875rem; }
.verdict { font-size: clamp(1.25rem, 3.2vw, 1.9rem); line-height: 1.25; margin: .7rem 0 .2rem; font-weight: 600;
  overflow-wrap: anywhere; }
.PASS { color: var(--good); } .FAIL { color: var(--bad); } .INVALID, .UNKNOWN { color: var(--doubt); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1.1rem 0; }
.card { background: var(--card); border-radius: 8px; padding: .6rem .8rem; }
.card b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .94rem; }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
table.words td, table.words th { text-align: left; } table.words td { overflow-wrap: anywhere; }
pre { background: var(--card); padding: .8rem; border-radius: 8px; overflow-x: auto; font-size: .875rem;
  margin: .4rem 0; }
pre.command { white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; }
button { font: inherit; font-size: .875rem; color: var(--ink); background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: .15rem .7rem; cursor: pointer; }
.chart { width: 100%; margin: .4rem 0; } details { margin: .5rem 0; } summary { cursor: pointer; color: var(--soft); }
nav ul { padding-left: 1.1rem; columns: 2; } @media (max-width: 600px) { nav ul { columns: 1; } }
@media print { main { max-width: none; padding: 0; } button, nav { display: none; } h2 { break-after: avoid; }
  .chart, .card { break-inside: avoid; } }
"""

SCRIPT: Final = """
const charts = JSON.parse(document.getElementById('charts').textContent);
const tint = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function dress(layout) {
  const dressed = structuredClone(layout);
  Object.assign(dressed, { paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)' });
  dressed.font = { ...layout.font, color: tint('--ink') };
  dressed.hoverlabel = { bgcolor: tint('--card'), bordercolor: tint('--line'), font: { color: tint('--ink') } };
  for (const key of Object.keys(dressed)) if (/^[xy]axis/.test(key))
    for (const part of ['gridcolor', 'linecolor', 'zerolinecolor']) dressed[key][part] = tint('--line');
  for (const shape of dressed.shapes ?? []) shape.line.color = tint('--soft');
  for (const note of dressed.annotations ?? []) note.font = { ...note.font, color: tint('--soft') };
  return dressed;
}
const settings = { responsive: true, displaylogo: false, displayModeBar: false };
function draw() {
  for (const [id, figure] of Object.entries(charts))
    Plotly.react(id, structuredClone(figure.data), dress(figure.layout), settings);
}
draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
for (const button of document.querySelectorAll('button[data-copy]')) button.addEventListener('click', () => {
  const source = document.getElementById(button.dataset.copy);
  getSelection().selectAllChildren(source);
  document.execCommand('copy');
  button.textContent = 'copied';
});
"""
