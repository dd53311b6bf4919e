"""How the report looks; colours follow the reader's choice of light or dark."""

STYLE = """
:root { color-scheme: light dark;
  --text: #1c1c1e; --quiet: #5b5b62; --page: #ffffff; --line: #d9d9de; --box: #f5f5f7; --accent: #332288; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8ea; --quiet: #a4a4ac; --page: #17171a; --line: #3a3a40; --box: #232328; --accent: #b9aef2; }
  img { filter: brightness(0.88); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 0.6rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; }
h3 span, figcaption, footer, .path { color: var(--quiet); font-weight: normal; }
p { margin: 0.4rem 0; }
.summary { background: var(--box); border-left: 4px solid var(--accent); border-radius: 4px; padding: 0.6rem 1rem; }
.summary strong { font-size: 2.2rem; line-height: 1.2; color: var(--accent); }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: 0.25rem 1.25rem; margin: 0.6rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; }
pre { background: var(--box); border-radius: 4px; padding: 0.7rem 0.9rem; white-space: pre-wrap; margin: 0.5rem 0; }
summary { cursor: pointer; color: var(--quiet); }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; background: #ffffff; border-radius: 4px; }
figcaption { font-size: 0.9rem; padding: 0.4rem 0; }
.confusion img { max-height: 44rem; }
.curves img { min-width: 34rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; }
tbody th { font-weight: normal; }
thead th { color: var(--quiet); font-weight: normal; vertical-align: bottom; }
.mistakes { list-style: none; margin: 1rem 0 0; padding: 0; display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.mistakes li { border: 1px solid var(--line); border-radius: 6px; padding: 0.8rem; break-inside: avoid; }
.path { font-size: 0.85rem; margin: 0.1rem 0 0.5rem; }
audio { width: 100%; margin-top: 0.5rem; display: block; }
footer { margin-top: 2.5rem; font-size: 0.85rem; }
@media (max-width: 34rem) {
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 0.5rem; }
  th, td { padding-right: 0.5rem; }
}
@media print {
  :root { color-scheme: light; --text: #000; --quiet: #444;
    --page: #fff; --line: #bbb; --box: #f5f5f7; --accent: #332288; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  img { filter: none; }
  figure, tr, .summary { break-inside: avoid; }
  h2 { break-after: avoid; }
  audio { display: none; }
}
"""
