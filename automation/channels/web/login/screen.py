"""The page that shows the streamed window."""

from __future__ import annotations

import base64
import hashlib
from html import escape

SCRIPT = """
const screen = document.getElementById('screen'), said = document.getElementById('said');
let line = Promise.resolve();
function send(input) {
  line = line.then(() => fetch('/input', {method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(input)})).then(answer => { said.textContent = answer.ok ? '' : 'The window did not take that.'; })
    .catch(() => { said.textContent = 'Done: this page is no longer served. Look at the terminal.'; });
}
function place(event) {
  const box = screen.getBoundingClientRect();
  return {x: Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)),
          y: Math.min(1, Math.max(0, (event.clientY - box.top) / box.height))};
}
screen.addEventListener('click', event => { screen.focus(); send({kind: 'click', ...place(event)}); });
screen.addEventListener('wheel', event => { event.preventDefault(); send({kind: 'wheel', by: event.deltaY, ...place(event)}); },
  {passive: false});
screen.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.isComposing) return;
  event.preventDefault();
  send([...event.key].length === 1 ? {kind: 'text', text: event.key} : {kind: 'key', key: event.key});
});
addEventListener('paste', event => {
  event.preventDefault();
  send({kind: 'text', text: event.clipboardData.getData('text').slice(0, 1000)});
});
screen.focus();
"""
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:0;background:#0f172a;color:#e2e8f0}"
    "main{max-width:1280px;margin:0 auto;padding:1rem}h1{font-size:1.1rem;margin:0}p{margin:.25rem 0 .75rem;color:#94a3b8}"
    "#screen{display:block;width:100%;background:#fff;border-radius:8px;outline-offset:3px;cursor:default}"
    "#said{min-height:1.5em;color:#fbbf24}"
)
_hash = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'sha256-{_hash}'; style-src 'unsafe-inline'; img-src 'self'; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def screen(title: str, size: tuple[int, int]) -> str:
    """The whole page."""
    width, height = size
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        "<p>Click into the picture and type; pasting works too. It ends by itself when you are signed in.</p>"
        f'<img id="screen" src="/frames" tabindex="0" width="{width}" height="{height}" style="height:auto" alt="The window">'
        f'<p id="said" role="status"></p></main><script>{SCRIPT}</script></body></html>'
    )
