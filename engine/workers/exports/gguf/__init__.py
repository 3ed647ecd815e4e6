"""Models and adapters as GGUF: converted by llama.cpp's own scripts, quantised, read back and compared."""
