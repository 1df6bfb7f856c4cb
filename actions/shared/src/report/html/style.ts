import { Markup } from '../markup.ts';

/** Colours hold 4.5:1 against their grounds in both schemes; state is never told by colour alone. */
export const STYLE = new Markup(`
:root { color-scheme: light dark;
  --ground: #f6f7f9; --card: #ffffff; --ink: #1a2129; --soft: #566270; --rule: #dde2e8; --grid: #e6eaef;
  --good: #0b6b3a; --good-ground: #e2f4ea; --bad: #b3261e; --bad-ground: #fdeae8; --idle: #566270; --idle-ground: #eceff3;
  --s0: #1f5fbf; --s1: #b25000; --s2: #7a3fa8; --s3: #0b6b3a; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #11161c; --card: #1a212a; --ink: #e7ecf1; --soft: #a3b0bd; --rule: #303a46; --grid: #2a333e;
  --good: #6fd7a0; --good-ground: #12321f; --bad: #ff9d94; --bad-ground: #43191a; --idle: #a3b0bd; --idle-ground: #28313b;
  --s0: #82b1ff; --s1: #ffb070; --s2: #d2a8ff; --s3: #6fd7a0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.2rem; margin: 36px 0 12px; } h3 { font-size: 1rem; margin: 0 0 2px; }
p { margin: 6px 0; } .soft { color: var(--soft); } code, pre, .mono { font-family: ui-monospace, monospace; font-size: .86em; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 16px; margin: 12px 0; }
.verdict { display: flex; gap: 16px; align-items: flex-start; flex-wrap: wrap; border-left: 8px solid; }
.verdict.pass { border-left-color: var(--good); } .verdict.block { border-left-color: var(--bad); }
.verdict .word { font-size: 2rem; font-weight: 700; line-height: 1.1; }
.verdict.pass .word { color: var(--good); } .verdict.block .word { color: var(--bad); }
.verdict > div:last-child { flex: 1 1 320px; min-width: 0; overflow-wrap: anywhere; }
.pill { display: inline-block; border-radius: 99px; padding: 1px 10px; font-size: .82rem; font-weight: 600; white-space: nowrap; }
.pill.passed { color: var(--good); background: var(--good-ground); } .pill.failed { color: var(--bad); background: var(--bad-ground); }
.pill.other { color: var(--idle); background: var(--idle-ground); }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.tiles .card { margin: 0; } .tile-head { display: flex; justify-content: space-between; gap: 8px; align-items: baseline; }
dl.floors { margin: 10px 0 0; display: grid; grid-template-columns: 1fr auto; gap: 3px 12px; font-size: .9rem; }
dl.floors dt { color: var(--soft); } dl.floors dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
dd.failed { color: var(--bad); font-weight: 600; } .limit { color: var(--soft); font-size: .92em; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; } thead th { color: var(--soft); } tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.wide { overflow-wrap: anywhere; min-width: 180px; } tr.failed td, tr.failed th { background: var(--bad-ground); }
td.span { width: 40%; min-width: 120px; } .span-track { display: block; width: 100%; height: 12px; }
.span-track rect { fill: var(--s0); } .span-track rect.failed { fill: var(--bad); } .span-track rect.ground { fill: var(--grid); }
.plots { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
figure { margin: 0; min-width: 0; } figcaption { font-size: .9rem; font-weight: 600; margin-bottom: 4px; }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .axis { fill: var(--soft); } svg .value { font-weight: 600; } svg .grid { stroke: var(--grid); stroke-width: 1; }
.stem { stroke: var(--s0); stroke-width: 2; opacity: .45; } .dot { fill: var(--s0); }
.kept .dot { fill: var(--good); } .kept .stem { stroke: var(--good); } .missed .dot { fill: var(--bad); } .missed .stem { stroke: var(--bad); }
svg .floor { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 5 3; } svg .floor-label { fill: var(--bad); font-size: 11px; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.series-0 { stroke: var(--s0); } .line.series-1 { stroke: var(--s1); stroke-dasharray: 7 3; }
.line.series-2 { stroke: var(--s2); stroke-dasharray: 2 3; } .line.series-3 { stroke: var(--s3); stroke-dasharray: 9 3 2 3; }
.dot.series-0 { fill: var(--s0); } .dot.series-1 { fill: var(--s1); } .dot.series-2 { fill: var(--s2); } .dot.series-3 { fill: var(--s3); }
details { margin-top: 10px; } summary { overflow-wrap: anywhere; cursor: pointer; color: var(--soft); font-size: .9rem; padding: 4px 0; }
summary:focus-visible, a:focus-visible { outline: 3px solid var(--s0); outline-offset: 2px; border-radius: 4px; }
pre { background: var(--ground); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; overflow-x: auto; max-height: 70vh; line-height: 1.35; }
.facts { display: grid; gap: 4px 20px; grid-template-columns: max-content 1fr; margin: 0; font-size: .92rem; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.empty { color: var(--soft); } ul { margin: 6px 0; padding-left: 20px; } li { overflow-wrap: anywhere; }
@media (max-width: 560px) { .facts { grid-template-columns: 1fr; } .facts dd { margin-bottom: 6px; } th, td { padding: 6px; } svg text { font-size: 14px; } }
@media print { details { display: block; } body { background: #fff; } .card { break-inside: avoid; } }
`);
