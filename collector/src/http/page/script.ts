/**
 * The page's script: asks for the page again every 5 s and puts the new <main> in place of the old one, so that neither scroll position nor
 * selection of the rest is lost as with a reload. Without script the page reloads itself by a meta element.
 * An answer that is not our whole page (the dialog stands last) is no news: something in between may answer with a login, or cut it.
 * The buttons of agents that wait for approval ask for the admin token, because what a browser sends by itself may only look. A dialog keeps
 * what it returned last, and one that is left with a key returns nothing, so it is reset each time it is shown.
 */
export const script = `
const parts = ['main', '#as-of'];
const refresh = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if ([...parts, '#ask-token'].some((name) => next.querySelector(name) === null)) throw new Error('not the whole page');
    for (const name of parts) document.querySelector(name).replaceWith(next.querySelector(name));
    document.title = next.title;
    document.body.classList.remove('is-stale');
  } catch {
    document.body.classList.add('is-stale');
  }
};
const dialog = document.querySelector('#ask-token');
const told = dialog.querySelector('[role=alert]');
let wanted = null;
const ask = () => {
  dialog.returnValue = '';
  dialog.showModal();
};
const problemOf = async (answer) => (await answer.json().catch(() => null))?.detail ?? 'status ' + answer.status;
document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (button === null) return;
  wanted = { agent: button.dataset.agent, act: button.dataset.act };
  told.textContent = button.textContent + ': ' + wanted.agent;
  ask();
});
dialog.addEventListener('close', async () => {
  const field = dialog.querySelector('input');
  const token = field.value;
  field.value = '';
  if (dialog.returnValue !== 'go' || wanted === null) return;
  const path = '/api/v1/agents/' + encodeURIComponent(wanted.agent) + '/' + wanted.act;
  const answer = await fetch(path, { method: 'POST', headers: { authorization: 'Bearer ' + token } }).catch(() => null);
  if (answer !== null && answer.ok) return refresh();
  told.textContent = answer === null ? 'no answer' : await problemOf(answer);
  ask();
});
setInterval(refresh, 5000);
document.addEventListener('visibilitychange', refresh);
`;
