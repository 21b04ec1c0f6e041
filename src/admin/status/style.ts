/** Of the status page. Both colour schemes; what a colour says, words say too. */
export const style = `
:root { color-scheme: light dark; --ink: #1b2530; --soft: #556270; --paper: #f4f6f8; --card: #fff; --line: #dce2e8; --a: #1f5fbf; --b: #8a5a00; --c: #8a5a00; --d: #b3261e; --ok: #1b6e3c; --warn: #8a5a00; --bad: #b3261e; --ok-bg: #e2f3e8; --warn-bg: #fdf0d5; --bad-bg: #fbe4e2 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #a0acb8; --paper: #11161b; --card: #1a2128; --line: #2d3741; --a: #7fb0ff; --b: #f0b95a; --c: #f0b95a; --d: #ff8a80; --ok: #7fdba1; --warn: #f0b95a; --bad: #ff9a91; --ok-bg: #15301f; --warn-bg: #352a12; --bad-bg: #3b1a18 } }
* { box-sizing: border-box }
body { margin: 0; padding: 0 1.25rem 3rem; background: var(--paper); color: var(--ink); font: .94rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums }
header, main, footer { max-width: 74rem; margin: 0 auto }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1rem; padding: 1.4rem 0 .4rem }
h1 { margin: 0; font-size: 1.35rem; letter-spacing: -.01em }
h2 { margin: 2rem 0 .7rem; font-size: 1.02rem }
h3 { margin: 0; font-size: .86rem; font-weight: 600; color: var(--soft) }
p { margin: 0 }
a { color: var(--a) }
:focus-visible { outline: 3px solid var(--a); outline-offset: 2px; border-radius: .3rem }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88em; overflow-wrap: anywhere }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .95rem 1.1rem }
.state { display: inline-flex; align-items: center; gap: .4em; padding: .08rem .6rem; border-radius: 1rem; font-size: .84rem; font-weight: 600; white-space: nowrap }
.state::before { content: ""; width: .55em; height: .55em; border-radius: 50%; background: currentColor }
.ok { color: var(--ok); background: var(--ok-bg) }
.warn { color: var(--warn); background: var(--warn-bg) }
.bad { color: var(--bad); background: var(--bad-bg) }
.state.warn::before { border-radius: 0; transform: rotate(45deg) scale(.9) }
.state.bad::before { border-radius: 0 }
.live-note { margin-left: auto; display: none; align-items: center; gap: .7rem; color: var(--soft); font-size: .84rem }
.live .live-note { display: flex }
.live .still { display: none }
button { font: inherit; font-size: .84rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .45rem; padding: .2rem .7rem; cursor: pointer }
button:hover { border-color: var(--a) }
.notice { width: 100%; color: var(--warn); font-weight: 600 }
dl.facts { display: flex; flex-wrap: wrap; gap: .3rem 2.2rem; margin: .3rem 0 0 }
.facts dt { color: var(--soft); font-size: .8rem }
.facts dd { margin: 0; overflow-wrap: anywhere }
ul.troubles { list-style: none; margin: 0; display: grid; gap: .45rem }
.troubles li { display: flex; flex-wrap: wrap; gap: .2rem .7rem; align-items: baseline }
.soft { color: var(--soft) }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .9rem }
.figures { display: flex; flex-wrap: wrap; gap: 0 1.2rem; margin: .15rem 0 .5rem; min-height: 2.1rem; align-items: baseline }
.figure b { font-size: 1.35rem; letter-spacing: -.01em }
.figure .name { font-size: .8rem; color: var(--soft) }
.figure:has(.name)::before { content: ""; display: inline-block; width: .8rem; height: .2rem; margin-right: .4rem; vertical-align: middle; background: currentColor; border-radius: .1rem }
.figure.a::before { color: var(--a) } .figure.b::before { color: var(--b) } .figure.c::before { color: var(--c) } .figure.d::before { color: var(--d) }
.plot { position: relative }
.plot svg { display: block; width: 100%; height: 5.6rem; overflow: visible }
.plot .top, .plot .bottom { position: absolute; left: 0; padding: 0 .25rem; font-size: .74rem; color: var(--soft); background: var(--card); opacity: .85 }
.plot .top { top: .2rem }
.plot .bottom { bottom: .2rem }
.plot .quiet { position: absolute; inset: 0; display: grid; place-items: center; color: var(--soft); font-size: .86rem }
.axis { display: flex; justify-content: space-between; font-size: .74rem; color: var(--soft); margin-top: .25rem }
.grid { stroke: var(--line); fill: none; vector-effect: non-scaling-stroke }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke }
.line.a { stroke: var(--a) } .line.b { stroke: var(--b) } .line.c { stroke: var(--c) } .line.d { stroke: var(--d) }
.area { stroke: none; opacity: .14 } .area.a { fill: var(--a) }
.bars { display: block; width: 7.5rem; height: 1.25rem; border-bottom: 1px solid var(--line) }
.bar { fill: var(--a) } .bar.bad { fill: var(--d); background: none }
table { width: 100%; border-collapse: collapse; font-size: .9rem }
th { text-align: left; font-size: .8rem; font-weight: 600; color: var(--soft); padding: .55rem .9rem; border-bottom: 1px solid var(--line); white-space: nowrap }
td { padding: .5rem .9rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
tr:last-child td { border-bottom: 0 }
td ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .25rem }
.failed { color: var(--bad) }
td .state { font-size: .78rem; padding: 0 .5rem }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1.2rem; align-items: start }
.frame { border: 1px solid var(--line); border-radius: .7rem; overflow: hidden; background: var(--card) }
.fixed, time { white-space: nowrap }
.below { display: block }
.key { overflow-wrap: break-word }
footer { margin-top: 1.6rem; font-size: .84rem; color: var(--soft) }
.problem { max-width: 34rem; margin: 12vh auto 0; display: grid; gap: .8rem }
@media (max-width: 46rem) {
  body { padding: 0 .8rem 2rem }
  .live-note { margin-left: 0; width: 100%; justify-content: space-between }
  table, tbody, tr, td { display: block }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  tr { padding: .55rem .2rem; border-bottom: 1px solid var(--line) }
  tr:last-child { border-bottom: 0 }
  td { display: grid; grid-template-columns: 7.5rem 1fr; gap: .2rem .7rem; padding: .15rem .8rem; border: 0 }
  td::before { content: attr(data-label); color: var(--soft); font-size: .8rem }
}
`;
