/**
 * The page's script: asks for the page again every 5 s and puts the new <main> in place of the old one, so that neither scroll position nor
 * selection of the rest is lost as with a reload. Without script the page reloads itself by a meta element.
 */
export const script = `
const refresh = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const name of ['main', '#as-of']) document.querySelector(name).replaceWith(next.querySelector(name));
    document.title = next.title;
    document.body.classList.remove('is-stale');
  } catch {
    document.body.classList.add('is-stale');
  }
};
setInterval(refresh, 5000);
document.addEventListener('visibilitychange', refresh);
`;
