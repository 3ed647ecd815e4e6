"""What every page of the studio looks like, the login page too: its colours, and which of the two schemes it takes."""

from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
TOKENS = (STATIC / "tokens.css").read_text(encoding="utf-8")

# Before the first paint: the class that both Gradio and tokens.css look for. The body is not there yet.
BEFORE_PAINT = (
    '(()=>{const s=localStorage.getItem("tunesmith-theme"),'
    't=s||(matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light"),r=document.documentElement;'
    'r.classList.toggle("dark",t==="dark");r.style.colorScheme=t;'
    'const f=()=>document.body?document.body.classList.toggle("dark",t==="dark"):requestAnimationFrame(f);f()})()'
)
