"""The real studio, with the fake trainer in place of torch: `python -m tests.browser.studio serve --port 0 ...`."""

from app.cli.commands import main
from engine.process import plan

if __name__ == "__main__":
    plan.WORKERS["sft"] = "tests.fake_worker"
    main()
