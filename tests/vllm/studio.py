"""The real studio, nothing replaced: `python -m tests.vllm.studio serve --port 0 ...`."""

from app.cli.commands import main

if __name__ == "__main__":
    main()
