# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style sheet of the HTML report: system fonts, light and dark by the reader's preference, phone to print."""

from __future__ import annotations

STYLE = """
:root {
  --paper: #fff; --panel: #f6f7f9; --ink: #1a1f27; --soft: #566070; --line: #dfe3e9; --link: #0b5cad;
  --critical: #a8123e; --high: #b4440a; --medium: #8a5a00; --low: #35618e; --info: #566070; --good: #1c6b3c;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --panel: #1a2029; --ink: #e4e8ee; --soft: #9ba6b5; --line: #2d3541; --link: #7fb8f5;
    --critical: #ff7d9c; --high: #ff9d66; --medium: #e5b95c; --low: #8dbbe8; --info: #9ba6b5; --good: #6fcf97;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3rem 1.25rem 4rem; max-width: 54rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); text-underline-offset: .15em; }
code, pre, .observed { font: .875em/1.5 var(--mono); }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.015em; }
h2 { margin: 3.25rem 0 .35rem; font-size: 1.25rem; line-height: 1.3; letter-spacing: -.01em; }
h3 { margin: 0; font-size: 1.02rem; line-height: 1.45; }
p { margin: .5rem 0; }
ul, ol { margin: .5rem 0; padding-left: 1.25rem; }
header { padding-bottom: .5rem; }
.kicker { margin: 0 0 .4rem; color: var(--soft); font-size: .85rem; }
.facts, .lead, .notes, footer, .threat { color: var(--soft); }
.facts { font-size: .9rem; }
.verdict { margin: 1.75rem 0 0; font-size: 1.45rem; font-weight: 650; line-height: 1.3; letter-spacing: -.01em; }
.notes, .lead { margin: .35rem 0 0; }
h2.quiet { margin: 1.5rem 0 .5rem; color: var(--soft); font-size: .85rem; font-weight: 400; letter-spacing: 0; }
.tiles {
  display: grid; grid-template-columns: repeat(5, 1fr); gap: .6rem;
  margin: 0 0 .75rem; padding: 0; list-style: none;
}
.tiles li {
  padding: .6rem .8rem .65rem; border-top: 3px solid currentColor;
  background: var(--panel); font-size: .85rem;
}
.tiles strong { display: block; font-size: 1.6rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tiles .none { color: var(--soft); border-color: var(--line); }
.tiles .critical, td.critical { color: var(--critical); }
.tiles .high, td.high { color: var(--high); }
.tiles .medium, td.medium { color: var(--medium); }
.tiles .low, td.low { color: var(--low); }
.tiles .info, td.info { color: var(--info); }
table { width: 100%; border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
th, td {
  padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: baseline;
}
th { font-weight: 500; }
thead th { color: var(--soft); font-size: .85rem; font-weight: 400; }
.wide { overflow-x: auto; overflow-wrap: normal; margin-top: .5rem; }
.wide th, .wide td { min-width: 4rem; }
.wide td:last-child { min-width: 14rem; }
td.zero { color: var(--soft); }
td:not(.zero):not(:last-child) { font-weight: 600; }
.wide td:nth-child(2) { font-weight: 400; }
.silent td, .silent th { color: var(--critical); }
.verdict.good { color: var(--good); }
.not { color: var(--soft); font-weight: 400; }
.change td { vertical-align: middle; }
.change { margin: .5rem 0 1rem; }
.change tr.all > * { border-bottom: 0; }
.change th:first-child { width: 11rem; }
.change td:nth-child(2), .change td:nth-child(3), .change th:nth-child(2), .change th:nth-child(3) { width: 4.5rem; }
.change td:last-child, .change th:last-child { padding-right: 0; }
svg { display: block; width: 100%; }
rect.was { fill: var(--line); }
rect.now { fill: var(--soft); }
rect.critical { fill: var(--critical); }
rect.high { fill: var(--high); }
rect.medium { fill: var(--medium); }
rect.low { fill: var(--low); }
.to-do ol { margin-top: .6rem; }
.to-do li { padding: .2rem 0 .2rem .25rem; }
.to-do span { display: block; color: var(--soft); font-size: .9rem; }
.step { color: var(--soft); font-weight: 400; margin-right: .6rem; }
.entry { margin: 1rem 0; padding: 1rem 1.15rem .9rem; border-left: 3px solid var(--info); background: var(--panel); }
.entry:target { outline: 2px solid var(--link); }
.entry.critical { border-color: var(--critical); }
.entry.high { border-color: var(--high); }
.entry.medium { border-color: var(--medium); }
.entry.low { border-color: var(--low); }
.badge {
  display: inline-block; margin-right: .3rem; padding: 0 .5em; border: 1px solid currentColor; border-radius: 3px;
  color: var(--info); font-size: .78rem; font-weight: 600; line-height: 1.5; vertical-align: .08em;
}
.badge.critical, .badge.high { color: var(--paper); }
.badge.critical { background: var(--critical); border-color: var(--critical); }
.badge.high { background: var(--high); border-color: var(--high); }
.badge.medium { color: var(--medium); }
.badge.low { color: var(--low); }
.badge.unknown, .badge.error, .badge.waived { background: none; border-color: currentColor; color: var(--soft); }
.threat { margin: .4rem 0 0; }
dl { display: grid; grid-template-columns: 6.5rem 1fr; gap: .5rem .75rem; margin: .9rem 0 0; font-size: .93rem; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; }
.seen, .plain { margin: 0; padding: 0; list-style: none; }
.seen > li + li { margin-top: .4rem; }
.seen .who { font-weight: 600; }
.observed { display: block; white-space: pre-wrap; }
.lines, .remedy { white-space: pre-wrap; }
.new {
  margin-left: .5rem; padding: 0 .45em;
  border-radius: 3px; background: var(--ink); color: var(--paper); font-size: .78rem; font-weight: 600;
}
.command { margin: .75rem 0 0; padding: .7rem .9rem; border: 1px solid var(--line); white-space: pre-wrap; }
dd code { padding: .1em .3em; border-radius: 3px; background: var(--paper); }
.command code, dd code { user-select: all; -webkit-user-select: all; }
.references { margin: .8rem 0 0; color: var(--soft); font-size: .85rem; }
.references a { color: inherit; font-family: var(--mono); }
summary { cursor: pointer; }
.fold { margin-top: 1.25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
.group + .fold { margin-top: 3.25rem; }
.fold > summary h2 { display: inline; margin: 0; font-size: 1.1rem; }
.fold .plain { margin-top: .6rem; }
.plain > li { padding: .4rem 0; border-bottom: 1px solid var(--line); }
.plain .who { display: block; color: var(--soft); font-size: .88rem; }
.count { color: var(--soft); }
.fate { padding: .2rem 0; }
.fate .plain { margin: .25rem 0 .75rem; }
.more { display: inline; font-weight: 400; }
.more > summary { display: inline-block; margin-left: .4rem; color: var(--link); }
footer { margin-top: 3.5rem; font-size: .85rem; }
@media (max-width: 34rem) {
  body { padding: 1.75rem 1rem 3rem; }
  h1 { font-size: 1.55rem; }
  .verdict { font-size: 1.25rem; }
  .tiles { gap: .3rem; }
  .tiles li { padding: .4rem .1rem .45rem .35rem; font-size: .72rem; overflow-wrap: normal; }
  .tiles strong { font-size: 1.3rem; }
  .entry { margin-left: -.5rem; margin-right: -.5rem; padding: .9rem .9rem .8rem; }
  dl { display: block; }
  dd { margin-bottom: .65rem; }
  .change th:first-child { width: 7.5rem; }
  .change td:nth-child(2), .change td:nth-child(3), .change th:nth-child(2), .change th:nth-child(3) {
  ;
  width: 3.6rem;
}
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .entry, tr { break-inside: avoid; }
  .entry { background: none; border: 1px solid var(--line); border-left-width: 3px; }
  h2, h3 { break-after: avoid; }
  .badge.critical, .badge.high { background: none; color: var(--ink); }
  ::details-content { content-visibility: visible; block-size: auto; }
}
"""
