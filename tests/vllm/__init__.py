"""The real vLLM behind a real studio: `make test-vllm`. It needs a runtime, which `runtime.py` finds."""
