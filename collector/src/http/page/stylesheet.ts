/** The page's whole style. A text, so that one bundled file holds all; served from its own address, as the CSP allows no inline style. */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --card: #ffffff; --text: #17202a; --soft: #52606d; --line: #d9e0e6; --accent: #0b5cad;
  --down: #b3131b; --down-ground: #fdecec; --degraded: #8a5a00; --degraded-ground: #fff4dc;
  --up: #0f6b3a; --up-ground: #e6f5ec; --unknown: #4a5560; --unknown-ground: #edf0f3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10151b; --card: #19212a; --text: #e6ebf0; --soft: #a3b1be; --line: #2d3843; --accent: #7db8f5;
    --down: #ff8f8f; --down-ground: #431b1f; --degraded: #f3c969; --degraded-ground: #3b2f12;
    --up: #7fdba6; --up-ground: #123323; --unknown: #b4c0cb; --unknown-ground: #29323b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text); line-height: 1.55;
  font-family: system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif; font-size: 16px;
}
a { color: var(--accent); }
header, main { max-width: 76rem; margin: 0 auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; padding-top: 1.25rem; }
h1 { font-size: 1.45rem; margin: 0; }
header p { margin: 0; color: var(--soft); }
header nav { margin-left: auto; }
h2 { font-size: 1.1rem; margin: 0 0 .6rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0; overflow-x: auto; }
.banner { border-radius: .6rem; padding: .9rem 1rem; margin: 1rem 0; font-size: 1.2rem; font-weight: 600; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; }
.stale { display: none; }
.is-stale .stale { display: block; }
.is-stale main { opacity: .6; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: .88rem; white-space: nowrap; }
th, td { padding: .42rem .7rem .42rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { color: var(--text); font-weight: 600; font-size: 1rem; white-space: normal; }
/* Names of assets and units are not squeezed to a character a line by a long reason beside them. */
tbody th, tbody th + td { word-break: keep-all; min-width: 4.5em; }
.number { text-align: right; white-space: nowrap; }
.nowrap { white-space: nowrap; }
.below { padding-left: 1.2rem; }
.below::before { content: "↳"; margin-left: -1.2rem; display: inline-block; width: 1.2rem; color: var(--soft); }
.small { color: var(--soft); font-size: .88rem; overflow-wrap: anywhere; }
.tag { display: inline-block; border-radius: 1rem; padding: .05rem .65rem; white-space: nowrap; font-weight: 600; }
.down { color: var(--down); background: var(--down-ground); }
.degraded { color: var(--degraded); background: var(--degraded-ground); }
.up { color: var(--up); background: var(--up-ground); }
.unknown { color: var(--unknown); background: var(--unknown-ground); }
.overdue { color: var(--down); font-weight: 700; }
.good { color: var(--up); font-weight: 600; }
.empty { color: var(--soft); margin: 0; }
.empty.good { color: var(--up); }
pre { white-space: pre-wrap; margin: .4rem 0 0; font-size: .88rem; font-weight: 400; }
@media (max-width: 44rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  tbody tr:last-child { border-bottom: 0; }
  th, td { display: flex; gap: .8rem; border: 0; padding: .12rem 0; text-align: left; }
  td::before { content: attr(data-label); color: var(--soft); flex: 0 0 7.2rem; font-size: .88rem; }
  .number { text-align: left; }
}
@media (prefers-reduced-motion: no-preference) { .overdue { animation: call 2s ease-in-out infinite; } }
@keyframes call { 50% { opacity: .55; } }
`;
