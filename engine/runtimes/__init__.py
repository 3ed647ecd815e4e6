"""Runtimes: vLLM, llama.cpp and quantising, installed beside the studio."""
