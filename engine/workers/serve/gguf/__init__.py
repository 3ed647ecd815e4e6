"""A server of a GGUF file: llama.cpp's library computes, and everything around it is the studio's own server."""
