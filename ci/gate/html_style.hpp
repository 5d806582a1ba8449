// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::gate {

/// The style sheet of html_report.cpp, with the classes that svg.cpp uses.
inline constexpr const char* kHtmlStyle = R"(
:root { color-scheme: light dark; --page:#f6f7f9; --card:#ffffff; --ink:#16202c; --muted:#5a6776; --line:#dde3ea;
  --now:#1f6feb; --base:#8c6d1f; --pass:#137a3b; --fail:#c0262d; --unsure:#96620a; --tint:#1f6feb22; }
@media (prefers-color-scheme: dark) { :root { --page:#0f141a; --card:#171e27; --ink:#e4eaf1; --muted:#9dabba;
  --line:#2a3541; --now:#6cb0ff; --base:#dcb35c; --pass:#56c784; --fail:#ff7b7b; --unsure:#e8b04a; --tint:#6cb0ff2e; } }
* { box-sizing: border-box; }
body { margin:0; padding:2rem 1rem; background:var(--page); color:var(--ink);
  font:16px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width:62rem; margin:0 auto; }
header { border-left:.5rem solid var(--muted); padding:.1rem 0 .1rem 1rem; margin-bottom:1.5rem; }
header.pass { border-color:var(--pass); } header.fail { border-color:var(--fail); }
header.unsure { border-color:var(--unsure); }
h1 { font-size:1.6rem; line-height:1.2; margin:0; overflow-wrap:anywhere; } h2 { font-size:1.1rem; margin:0 0 .75rem; }
h3 { font-size:.95rem; margin:1rem 0 .25rem; font-weight:600; }
p { margin:.25rem 0; } .muted { color:var(--muted); }
section { background:var(--card); border:1px solid var(--line); border-radius:.6rem; padding:1.1rem 1.25rem;
  margin-bottom:1.25rem; overflow-x:auto; }
table { border-collapse:collapse; width:100%; font-size:.92rem; }
th, td { text-align:left; padding:.35rem .75rem .35rem 0; border-bottom:1px solid var(--line); vertical-align:top; }
tr:last-child td { border-bottom:0; } th { color:var(--muted); font-weight:600; }
td.figure { font-variant-numeric:tabular-nums; white-space:nowrap; } code { font-size:.88em; overflow-wrap:anywhere; }
.verdict { font-weight:700; white-space:nowrap; } .verdict.pass { color:var(--pass); }
.verdict.fail { color:var(--fail); } .verdict.unsure { color:var(--unsure); }
ul { margin:0; padding-left:1.2rem; }
.key { display:inline-block; width:.8em; height:.8em; border-radius:2px; margin:0 .35em 0 .9em; }
.key.now { background:var(--now); margin-left:0; } .key.base { background:var(--base); }
.key.limit { background:var(--fail); }
h3 .muted { font-weight:400; }
svg { display:block; width:100%; min-width:38rem; height:auto; }
svg text { fill:var(--ink); font-size:13px; font-variant-numeric:tabular-nums; }
svg .name, svg .last { text-anchor:end; } svg .tick { text-anchor:middle; fill:var(--muted); font-size:12px; }
svg .unit, svg .first, svg .last { fill:var(--muted); font-size:12px; }
svg .grid { stroke:var(--line); stroke-width:1; }
svg rect.now { fill:var(--now); } svg rect.base { fill:var(--base); }
svg .now .dot { fill:var(--now); } svg .base .dot { fill:var(--base); } svg .dot { fill-opacity:.75; }
svg .box { fill:var(--tint); stroke:var(--muted); stroke-width:1; } svg .median { stroke:var(--ink); stroke-width:2; }
svg .limit { stroke:var(--fail); stroke-width:1.5; stroke-dasharray:5 4; }
svg .band { fill:var(--tint); } svg .line { fill:none; stroke:var(--now); stroke-width:2; }
)";

}  // namespace mayfly::gate
