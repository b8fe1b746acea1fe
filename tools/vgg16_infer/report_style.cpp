#include "tools/vgg16_infer/report.h"

namespace lamina::tools {

// Text stands out 7:1 or more in both schemes, bars 3:1. The scale's colours are viridis at nine
// places.
const char* const kReportStyle = R"css(:root {
  color-scheme: light dark;
  --page: #f4f4f6; --card: #ffffff; --text: #1a1a20; --soft: #4b4b57; --line: #d6d6de;
  --link: #0b4f8a; --bar: #2a6fb0; --track: #e4e6ee; --bad: #8c1d18;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121217; --card: #1d1d24; --text: #ececf1; --soft: #b9b9c6; --line: #3a3a46;
    --link: #9ccbff; --bar: #6aa9ea; --track: #31313c; --bad: #ffb4ab;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 90rem; padding: 1rem clamp(0.75rem, 3vw, 2.5rem) 3rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0; }
a { color: var(--link); }
h2 a { text-decoration: none; }
h2 a:hover { text-decoration: underline; }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 3px; border-radius: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { position: static; }
dl { display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; margin: 0 0 1rem; }
dt { color: var(--soft); font-size: 0.85rem; }
dd { margin: 0; }
header p { max-width: 42rem; margin: 0 0 0.75rem; }
.scale { display: flex; align-items: center; gap: 0.6rem; font-size: 0.85rem; color: var(--soft); }
.colours {
  flex: 0 1 14rem; height: 0.9rem; border-radius: 3px;
  background: linear-gradient(to right, #440154, #482878, #3e4989, #31688e, #26828e, #1f9e89,
    #35b779, #6ece58, #b5de2b, #fde725);
}
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 1rem; margin: 1rem 0; scroll-margin-top: 1rem;
}
section:target { outline: 3px solid var(--link); }
.path, .times { color: var(--soft); font-size: 0.85rem; margin: 0.1rem 0 0; }
.views { display: grid; gap: 1rem; margin: 0.75rem 0 0.5rem; grid-template-columns: 1fr; align-items: start; }
@media (min-width: 40rem) { .views { grid-template-columns: 1fr 1fr; } }
@media (min-width: 40rem) and (max-width: 69.99rem) { table { grid-column: 1 / -1; } }
@media (min-width: 70rem) {
  .views { grid-template-columns: 1fr 1fr minmax(20rem, 1fr); }
  .views:has(.squares) { grid-template-columns: 20rem 20rem minmax(20rem, 40rem); gap: 1.5rem; }
}
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
img.squares { width: min(100%, 20rem); image-rendering: pixelated; }
figcaption { color: var(--soft); font-size: 0.85rem; margin-top: 0.35rem; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; color: var(--soft); font-size: 0.85rem; }
thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
tbody th { text-align: left; font-weight: 400; width: 40%; padding: 0.3rem 0.75rem 0.3rem 0; }
tbody tr:first-child th { font-weight: 650; }
td { display: flex; align-items: center; gap: 0.6rem; padding: 0.3rem 0; }
tr { border-top: 1px solid var(--line); }
tbody tr:first-child { border-top: 0; }
.track { flex: 1; height: 0.8rem; border-radius: 3px; background: var(--track); overflow: hidden; }
.bar { display: block; height: 100%; min-width: 1px; background: var(--bar); }
.number { flex: none; width: 4.2em; text-align: right; font-variant-numeric: tabular-nums; }
.failed h2 { color: var(--bad); }
.failed ul { margin: 0.5rem 0 0; padding-left: 1.25rem; }
footer { color: var(--soft); font-size: 0.85rem; }
@media (forced-colors: active) { .bar { background: CanvasText; } .colours { forced-color-adjust: none; } }
@media print { section { break-inside: avoid; } }
)css";

}  // namespace lamina::tools
