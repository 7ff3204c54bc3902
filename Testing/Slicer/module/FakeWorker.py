"""Counts the letters of a text; the text "wait" takes it for ever, and "broken" gives no number."""

import json
import sys
import time
from pathlib import Path

folder = Path(sys.argv[1])
text = (folder / "text").read_text(encoding="utf-8")
progress = {"event": "progress", "fraction": 0.5, "stage": "Counting", "seconds_left": 150.0}
sys.stdout.write(json.dumps(progress) + "\n")
sys.stdout.flush()
if text == "wait":
    time.sleep(600)
(folder / "count").write_text("many" if text == "broken" else str(len(text)), encoding="utf-8")
sys.stdout.write(json.dumps({"event": "result"}) + "\n")
