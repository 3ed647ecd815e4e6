"""Runtimes: environments of their own for vLLM, quantising and llama.cpp: installed, verified, swapped in."""
