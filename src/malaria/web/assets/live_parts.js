'use strict';
/* The text of the page of a run that goes on: sentence, phase, figures, levels, events. */
const setText = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
function tellLink(text) { setText(byId('link'), text); }

function showText(now, newEvents) {
  if (!byId('sentence')) return;  // charts alone
  showTitle(now);
  showSentence(now.status);
  showPhase(now.status);
  showFigures(now.status.figures);
  if (newEvents) showEvents(now);
  showLevels(now.campaign);
  showBees(now.status.bees);
  showGroups(now.facts?.groups ?? []);
  allowChanges(now.status);
}
function showTitle({ facts, campaign }) {
  const head = document.querySelector('h1'), parts = facts ? [campaign && facts.title, facts.target, facts.load] : [];
  setText(head, '');
  make('b', '', head, campaign?.title ?? head.dataset.title ?? document.title.replace(/ · malaria$/, ''));
  head.append(parts.filter(Boolean).map(part => ` · ${part}`).join(''));
}
function showSentence(status) {
  const waits = { waiting: 'waiting for the load to begin', over: 'the load is over: the report is made', reported: 'the report is ready' };
  const text = status.note || waits[status.state] || status.sentence || (status.phase ? `phase: ${status.phase}` : 'watching');
  const sentence = byId('sentence');
  setText(sentence, text);
  const isRunning = status.state === 'running' && !status.note;
  sentence.className = `verdict ${isRunning && status.sentence ? status.tone || 'good' : 'plain'}`;
}
function showPhase(status) {
  setText(byId('phase-text'), status.phase_text);
  const bar = byId('phase-bar');
  bar.hidden = !status.phase_total;
  bar.max = Math.max(status.phase_total, 1);
  bar.value = Math.min(status.phase_done, status.phase_total);
}
function showFigures(figures) {
  const place = byId('figures');
  for (const [number, { name, label, value, note, tone }] of figures.entries()) {
    let card = place.children[number];
    if (card?.dataset.name !== name) {
      card?.remove();
      card = make('div', 'card', null);
      card.dataset.name = name;
      for (const [tag, kind] of [['span', 'soft small'], ['b', ''], ['span', 'soft small']]) make(tag, kind, card);
      place.insertBefore(card, place.children[number] ?? null);
    }
    [label, value, note].forEach((text, part) => setText(card.children[part], text));
    card.children[1].className = tone;
  }
  while (place.children.length > figures.length) place.lastChild.remove();
}

/* --- events, newest first --- */
const BAD_KINDS = new Set(['trouble', 'lost', 'broker']);
function showEvents({ events, status }) {
  const place = byId('events');
  place.replaceChildren();
  for (const event of [...events].reverse()) {
    const row = make('li', BAD_KINDS.has(event.kind) ? 'bad' : event.kind === 'phase' ? 'soft' : '', place);
    const start = status.load_start_s;
    make('span', 'at', row, start === null || start === undefined ? 'before' : clock(event.run_s - start));
    const times = event.count > 1 ? ` (× ${event.count.toLocaleString('en-US')})` : '';
    row.append(` ${event.kind === 'phase' ? `${event.text} begins` : event.text}${times}`);
  }
}

/* --- the bees of a swarm --- */
function showBees(bees) {
  byId('bees-section').hidden = !bees.length;
  const body = byId('bees').tBodies[0], perSecond = value => value === null ? '—' : `${plainNumber(Math.round(value))}/s`;
  body.replaceChildren();
  for (const bee of bees) {
    const row = make('tr', bee.lost ? 'bad' : '', body);
    make('th', '', row, bee.name).scope = 'row';
    const late = bee.lag_max_ms === null ? '—' : inMs(bee.lag_max_ms);
    const cells = bee.lost ? ['lost', '', '', ''] : [plainNumber(bee.clients_ready), perSecond(bee.sent_per_s), perSecond(bee.acked_per_s), late];
    for (const text of cells) make('td', '', row, text);
  }
}

/* --- the levels of a campaign --- */
function showLevels(campaign) {
  if (!campaign || !byId('levels')) return;
  const body = byId('levels').tBodies[0], wanted = JSON.stringify(campaign.levels);
  setText(byId('levels-head'), campaign.is_search ? 'Trials' : 'Levels');
  byId('campaign-page').hidden = !campaign.has_page;
  if (body.dataset.shown === wanted) return;
  body.dataset.shown = wanted;
  body.replaceChildren();
  for (const level of campaign.levels) {
    const row = make('tr', level.state === 'running' ? 'runs' : '', body);
    make('th', '', row, level.name).scope = 'row';
    make('b', level.outcome, make('td', '', row), level.outcome || level.state);
    make('td', 'words small soft', row, level.figures || level.why);
  }
}
