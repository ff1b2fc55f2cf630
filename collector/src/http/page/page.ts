import type { Status } from '@jiwei/shared/status.ts';
import type { Incident } from '../../engine/incident.ts';
import { factsOf } from '../../words/incident-facts.ts';
import { colonOf, type Language } from '../../words/language.ts';
import { reasonText } from '../../words/reasons.ts';
import { presentCycle } from '../shapes/incident.ts';
import { durationText, instantText, shortSpanText } from './duration.ts';
import { type Html, html } from './html.ts';
import type { PageAgent, PageAsset, PageAvailability, PageIncident, PageModel } from './model.ts';
import { type Words, wordsOf } from './words.ts';

/** A status is told three ways: colour, symbol and word. */
const symbols: Readonly<Record<Status, string>> = { down: '✕', degraded: '▲', up: '✓', unknown: '?' };

const statusTag = (status: Status, words: Words): Html =>
  html`<span class="tag ${status}"><span aria-hidden="true">${symbols[status]}</span> ${words.status[status]}</span>`;

/** A table with its headings repeated at each cell, where narrow screens show them. */
const table = (headings: readonly string[], rows: readonly (readonly (Html | string)[])[]): Html => html`<table>
<thead><tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr></thead>
<tbody>${rows.map(
  ([first = '', ...cells]) =>
    html`<tr><th scope="row">${first}</th>${cells.map((cell, place) => html`<td data-label="${headings[place + 1] ?? ''}"><div>${cell}</div></td>`)}</tr>\n`,
)}</tbody>
</table>`;

const banner = (model: PageModel, words: Words): Html => {
  const { down, degraded, up, unknown } = model.counts;
  if (down + degraded + up + unknown === 0) return html`<p class="banner unknown">${words.nothingDeclared}</p>`;
  const parts = [
    down > 0 && html`<span><span aria-hidden="true">✕</span> ${words.someDown(down)}</span>`,
    degraded > 0 && html`<span><span aria-hidden="true">▲</span> ${words.someDegraded(degraded)}</span>`,
    unknown > 0 && html`<span><span aria-hidden="true">?</span> ${words.someUnknown(unknown)}</span>`,
    up > 0 &&
      html`<span><span aria-hidden="true">✓</span> ${down + degraded + unknown === 0 ? words.allUp : words.someUp(up)}</span>`,
  ];
  const worst: Status = down > 0 ? 'down' : degraded > 0 ? 'degraded' : unknown > 0 ? 'unknown' : 'up';
  return html`<p class="banner ${worst}" role="status">${parts}</p>`;
};

/** One clock of people: running, overdue, kept or missed. */
const promise = (
  clock: { readonly openedAtMs: number; readonly dueAtMs: number; readonly doneAtMs: number | null; readonly nowMs: number },
  language: Language,
): Html => {
  const words = wordsOf[language];
  const { openedAtMs, dueAtMs, doneAtMs, nowMs } = clock;
  if (doneAtMs !== null) {
    const took = durationText(doneAtMs - openedAtMs, language);
    return doneAtMs > dueAtMs
      ? html`<span class="nowrap"><span aria-hidden="true">✕</span> ${words.doneLate(took)}</span>`
      : html`<span class="good nowrap"><span aria-hidden="true">✓</span> ${words.doneAfter(took)}</span>`;
  }
  if (nowMs > dueAtMs) {
    return html`<span class="overdue nowrap"><span aria-hidden="true">⚠</span> ${words.overdue(durationText(nowMs - dueAtMs, language))}</span>`;
  }
  return html`<span class="nowrap"><span aria-hidden="true">◷</span> ${words.left(durationText(dueAtMs - nowMs, language))}</span>`;
};

/** What was found, a line each. */
const factLines = (incident: Incident, language: Language): readonly Html[] =>
  factsOf(incident, language).map(
    ({ label, value }) => html`<br><span class="small">${label[language]}${colonOf[language]}${value}</span>`,
  );

const incidentRow = (
  { incident, assetName, unitName, attachment }: PageIncident,
  nowMs: number,
  language: Language,
): readonly (Html | string)[] => {
  const words = wordsOf[language];
  // No clock of people runs for what belongs to another incident or began under maintenance.
  const present = presentCycle(incident);
  const cycle = present?.excluded === null ? present : null;
  const remarks = [
    attachment !== 'none' && words.attached[attachment],
    incident.isInMaintenance && words.maintenance,
    incident.isFlapping && words.flapping,
    incident.isNoData && words.noData,
  ].filter((remark) => remark !== false);
  return [
    attachment === 'below' ? html`<span class="below">${assetName}</span>` : assetName,
    unitName ?? '—',
    words.severity[incident.severity],
    html`${words.state[incident.state]}${remarks.length > 0 && html` <span class="small">${remarks.join(' · ')}</span>`}`,
    html`${reasonText(incident.reason, language)}${factLines(incident, language)}`,
    html`<time class="nowrap" datetime="${new Date(incident.faultFromMs).toISOString()}" title="${instantText(incident.faultFromMs)}">${durationText(nowMs - incident.faultFromMs, language)}</time>`,
    cycle === null
      ? '—'
      : promise({ openedAtMs: cycle.openedAtMs, dueAtMs: cycle.respondDueAtMs, doneAtMs: cycle.respondedAtMs, nowMs }, language),
    cycle === null
      ? '—'
      : cycle.onsiteDueAtMs === null
        ? words.notNeeded
        : promise({ openedAtMs: cycle.openedAtMs, dueAtMs: cycle.onsiteDueAtMs, doneAtMs: cycle.arrivedAtMs, nowMs }, language),
  ];
};

const incidentsSection = (model: PageModel, language: Language): Html => {
  const words = wordsOf[language];
  const headings = [
    words.asset,
    words.unit,
    words.severityColumn,
    words.stateColumn,
    words.reason,
    words.lasts,
    words.respond,
    words.onsite,
  ];
  const rows = model.incidents.map((incident) => incidentRow(incident, model.atMs, language));
  return html`<section aria-labelledby="incidents"><h2 id="incidents">${words.incidents}</h2>
${rows.length === 0 ? html`<p class="empty good"><span aria-hidden="true">✓</span> ${words.noIncidents}</p>` : table(headings, rows)}
${model.incidentsLeftOut > 0 && html`<p class="small">${words.andMore(model.incidentsLeftOut)}</p>`}</section>`;
};

const availabilityRow = (window: PageAvailability, model: PageModel, words: Words): readonly (Html | string)[] => [
  words.windows[window.window],
  window.observed === null
    ? words.noDataYet
    : html`${window.observed} %${!window.isEnough && html` <span class="tag unknown">${words.notEnoughData}</span>`}`,
  window.coverage === null ? '—' : `${window.coverage} %`,
  window.worst === null ? '—' : html`${model.nameOf(window.worst.assetId)} <span class="small">${window.worst.observed} %</span>`,
];

const availabilitySection = (model: PageModel, words: Words): Html => html`<section aria-labelledby="availability">
<h2 id="availability">${words.availability}</h2>
${table(
  [words.windowColumn, words.observed, words.coverage, words.worst],
  model.availability.map((window) => availabilityRow(window, model, words)),
)}
<p class="small">${words.availabilityNote}</p></section>`;

/** Why nothing is known: in words, and as the agent says it. */
const hindranceNote = ({ hindrance }: PageAsset, language: Language): Html | false =>
  hindrance !== null &&
  html`<br><span class="small">${reasonText(hindrance.result.reason, language)} (${hindrance.agentId}, ${hindrance.checkId})${
    hindrance.result.detail !== undefined && html`: ${hindrance.result.detail}`
  }</span>`;

const assetsSection = (model: PageModel, language: Language): Html => {
  const words = wordsOf[language];
  const rows = model.assets.map((asset) => [
    asset.name,
    html`${statusTag(asset.status, words)}${asset.isInMaintenance && html` <span class="small">${words.maintenance}</span>`}${asset.isHeld && html` <span class="small">${words.held}</span>`}${hindranceNote(asset, language)}`,
    html`<span class="nowrap">${durationText(model.atMs - asset.sinceMs, language)}</span>`,
    asset.unitName ?? '—',
    words.kind[asset.kind],
  ]);
  return html`<section aria-labelledby="assets"><h2 id="assets">${words.assets}</h2>
${
  rows.length === 0
    ? html`<p class="empty">${words.noAssets}</p>`
    : table([words.asset, words.statusColumn, words.since, words.unit, words.kindColumn], rows)
}
${model.assetsLeftOut > 0 && html`<p class="small">${words.andMore(model.assetsLeftOut)}</p>`}</section>`;
};

const connectionStatus: Readonly<Record<PageAgent['connection'], Status>> = {
  connected: 'up',
  lost: 'down',
  never: 'unknown',
  pending: 'degraded',
  revoked: 'unknown',
};

/** Below this a clock counts as right: a person could not tell. */
const skewShownMs = 500;

const skewText = (skewMs: number | null, words: Words): string => {
  if (skewMs === null) return '—';
  if (Math.abs(skewMs) < skewShownMs) return words.inStep;
  return skewMs > 0 ? words.ahead(shortSpanText(skewMs)) : words.behind(shortSpanText(-skewMs));
};

/** Who it says it is, and the two buttons of page/script.ts, which ask for the admin token first. */
const askForApproval = (
  agent: PageAgent,
  words: Words,
): Html => html`${agent.hostname}<br><span class="small">${words.key} ${agent.keyFingerprint}</span><br>
<button type="button" data-act="approve" data-agent="${agent.id}">${words.approve}</button> <button type="button" data-act="refuse" data-agent="${agent.id}">${words.refuse}</button>`;

/** Outside <main>, which is replaced every few seconds. The token is sent with one request and kept nowhere. */
const tokenDialog = (words: Words): Html => html`<dialog id="ask-token" aria-labelledby="ask-title"><form method="dialog">
<p id="ask-title">${words.askToken}</p>
<p><label>${words.adminToken} <input type="password" name="token" autocomplete="off" required></label></p>
<p role="alert" class="small"></p>
<button value="go">${words.go}</button> <button value="" formnovalidate>${words.cancel}</button>
</form></dialog>`;

const agentsSection = (model: PageModel, language: Language): Html => {
  const words = wordsOf[language];
  const rows = model.agents.map((agent) => {
    const status = connectionStatus[agent.connection];
    return [
      agent.id,
      agent.connection === 'pending' ? askForApproval(agent, words) : agent.hostname,
      html`<span class="tag ${status}"><span aria-hidden="true">${symbols[status]}</span> ${words.connection[agent.connection]}</span>`,
      html`<span class="nowrap">${durationText(model.atMs - agent.sinceMs, language)}</span>`,
      skewText(agent.clockSkewMs, words),
      agent.roundTripMs === null ? '—' : shortSpanText(agent.roundTripMs),
      agent.spoolFrames === null ? '—' : words.frames(agent.spoolFrames),
    ];
  });
  const headings = [words.agent, words.host, words.connectionColumn, words.since, words.skew, words.roundTrip, words.spool];
  return html`<section aria-labelledby="agents"><h2 id="agents">${words.agents}</h2>
${rows.length === 0 ? html`<p class="empty">${words.noAgents}</p>` : table(headings, rows)}
${model.agentsLeftOut > 0 && html`<p class="small">${words.andMore(model.agentsLeftOut)}</p>`}</section>`;
};

/** Where the page's own files are. */
export interface PageFiles {
  readonly stylePath: string;
  readonly scriptPath: string;
}

/** The whole page as text. It needs no script; with one it refreshes without a reload. */
export const renderPage = (model: PageModel, language: Language, files: PageFiles): string => {
  const words = wordsOf[language];
  const other: Language = language === 'en' ? 'zh-CN' : 'en';
  const headline = model.counts.down > 0 ? `${words.someDown(model.counts.down)} · ` : '';
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${headline}${words.title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${files.stylePath}">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<script src="${files.scriptPath}" defer></script>
</head>
<body>
<header>
<h1>${words.title}</h1>
<p>${words.subtitle}</p>
<nav><a href="?lang=${other}" lang="${other}" hreflang="${other}">${words.otherLanguage}</a></nav>
<p class="small" id="as-of">${words.asOf} ${instantText(model.atMs)} · ${words.refreshes} · ${words.runningFor(durationText(model.atMs - model.startedAtMs, language))} · ${model.version}</p>
</header>
<p class="banner down stale" role="alert">${words.isStale}</p>
<main>
${banner(model, words)}
${model.declarationError !== null && html`<div class="banner degraded"><div>${words.declarationRefused}<pre>${model.declarationError}</pre></div></div>`}
${incidentsSection(model, language)}
${availabilitySection(model, words)}
${assetsSection(model, language)}
${agentsSection(model, language)}
</main>
${tokenDialog(words)}
</body>
</html>
`.markup;
};
