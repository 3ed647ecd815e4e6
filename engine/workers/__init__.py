"""Programs that do heavy work: `python -m engine.workers.NAME SPEC.json OUT/`. Only here is torch imported."""
