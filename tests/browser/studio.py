"""The real studio, with fakes in place of torch: `python -m tests.browser.studio serve --port 0 ...`."""

from app.cli.commands import main
from engine.process import plan

if __name__ == "__main__":
    plan.WORKERS["sft"] = "tests.fake_worker"
    plan.WORKERS["serve"] = "tests.fake_openai"
    plan.WORKERS["serve_gguf"] = "tests.fake_openai"
    plan.WORKERS["evaluate"] = "tests.fake_evaluator"
    plan.WORKERS["install_runtime"] = "tests.fake_installer"
    main()
