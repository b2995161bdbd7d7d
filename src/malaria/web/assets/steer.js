'use strict';
/* Changes the running load: says first what will happen, asks once, and shows the answer. */
const steer = byId('steer');
let asked = null;  // the change that waits for a yes, and the button that it came from
async function post(change, look) {
  const group = byId('group-choice').hidden || ['end', 'stop'].includes(change) ? undefined : byId('group').value || undefined;
  try {
    const response = await fetch('/changes', { method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ change, group, look }) });
    return { isTaken: response.ok, ...await response.json() };
  } catch {
    return { isTaken: false, reason: 'the command does not answer', remedy: 'it may have ended' };
  }
}
function answer(text, isBad) {
  const place = byId('answer');
  place.className = isBad ? 'bad' : 'good';
  place.textContent = text;
}
const refused = reply => answer([reply.reason, reply.remedy].filter(Boolean).join(': '), true);
async function ask(change, button) {
  steer.open = true;
  closeQuestion();
  answer('', false);
  const reply = await post(change, true);
  if (!reply.isTaken) { refused(reply); return; }
  asked = { change, button };
  byId('question-text').textContent = `${reply.text}${reply.remedy ? `. ${reply.remedy}` : ''}`;
  byId('question').hidden = false;
  byId('yes').focus();
}
async function carryOut() {
  const { change, button } = asked;
  closeQuestion();
  button?.focus();
  const reply = await post(change, false);
  if (reply.isTaken) answer(reply.text, false); else refused(reply);
}
function closeQuestion() {
  asked = null;
  if (steer) byId('question').hidden = true;
}
function changeOf(verb) {
  const value = id => byId(id).value.trim();
  return { '+': () => `+${value('clients')}`, '-': () => `-${value('clients')}`, rate: () => `rate=${value('rate')}`,
    cut: () => `cut ${value('part')}%` }[verb]?.() ?? verb;
}
let offered = [];  // the groups, with their rates as they are now
const rateOf = groups => groups.find(group => group.name === byId('group').value)?.rate;
function offerRate() {
  byId('rate').value = rateOf(offered) || '1';
}
function showGroups(groups) {
  if (!steer) return;
  const choice = byId('group'), names = groups.map(group => group.name), told = JSON.stringify(groups.map(({ name, role }) => [name, role]));
  const rateChanged = rateOf(groups) !== rateOf(offered);
  offered = groups;
  if (choice.dataset.shown === told) {
    if (rateChanged) offerRate();
    return;
  }
  choice.dataset.shown = told;
  byId('group-choice').hidden = names.length < 2;
  const publishing = groups.find(group => group.role !== 'subscribe');
  choice.replaceChildren(...groups.map(({ name, role }) => new Option(`${name} (${role})`, name, false, name === publishing?.name)));
  choice.onchange = () => { offerRate(); allowChanges(shown); };
  offerRate();
}
let shown = null;  // the status that the buttons were last set by
function allowChanges(status) {
  if (!steer || !status) return;
  const { state, no_changes: reason, paused } = shown = status;
  setText(byId('no-changes'), reason);
  steer.classList.toggle('refused', Boolean(reason));
  const pauses = paused.includes(byId('group').value);
  const needless = { pause: pauses && 'it pauses already', resume: !pauses && 'nothing is paused' };
  for (const button of buttons()) {
    button.title = needless[button.dataset.verb] || '';
    button.disabled = state !== 'running' || Boolean(reason || button.title);
  }
  // the keyboard goes on where the button that was pressed does no longer fit
  if (document.activeElement?.disabled) [...buttons()].find(({ title, dataset, disabled }) => !title && !disabled && dataset.verb in needless)?.focus();
}
const buttons = () => steer.querySelectorAll('button[data-verb]');
if (steer) {
  steer.open = innerWidth >= 1000;  // on a phone the charts come first
  for (const button of buttons())
    button.addEventListener('click', () => ask(changeOf(button.dataset.verb), button));
  byId('yes').addEventListener('click', carryOut);
  byId('no').addEventListener('click', () => { const button = asked?.button; closeQuestion(); button?.focus(); });
  for (const [field, verb] of [['clients', '+'], ['rate', 'rate'], ['part', 'cut']]) byId(field).addEventListener('keydown', event => {
    if (event.key === 'Enter') ask(changeOf(verb), event.target);
  });
}

/* --- keys --- */
const KEYS = { '+': '+', '-': '-', p: 'pause', r: 'resume', e: 'end' };
function askByKey(verb) {
  const needless = [...buttons()].find(button => button.dataset.verb === verb)?.title;
  if (needless) { steer.open = true; closeQuestion(); answer(needless, true); } else ask(changeOf(verb), null);
}
const isTyping = target => target.matches('input, select, textarea');
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') { closeQuestion(); return; }
  if (isTyping(event.target) || byId('keys')?.open) return;
  if (event.key === '?') byId('keys')?.showModal();
  else if (steer && KEYS[event.key]) askByKey(KEYS[event.key]);
  else return;
  event.preventDefault();
});
byId('help')?.addEventListener('click', () => byId('keys').showModal());
