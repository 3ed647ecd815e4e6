"""The words of the form of the Serve page: what may answer, what each is, and what each field takes."""

KINDS = [
    ("In the studio", "transformers"),
    ("vLLM", "vllm"),
    ("llama.cpp", "llama"),
    ("A server somewhere else", "external"),
]
ABOUT = {
    "transformers": "The studio's own server: nothing to install, any machine, adapters beside their base.",
    "vllm": "For many users at once, best on a GPU. It lives in an environment of its own.",
    "llama": "For a GGUF file that is a version of the registry: small, at home on processors, without adapters.",
    "external": "Ollama, llama.cpp, TGI, SGLang, LM Studio, another vLLM, or a cloud: any server with OpenAI's API.",
}
HELP = {
    "name": "Needed before Start. What callers name as the model: a-z, 0-9 and -.",
    "model_id": "One that is ready on the Models page.",
    "version": "A version of the registry that is a GGUF file. Keep an export as a version to have it here.",
    "url": "With or without its /v1, such as http://127.0.0.1:11434",
    "model": "What the model is called there. Look offers what the server lists.",
    "api_key_env": "An environment variable whose name ends in _API_KEY; empty without one. The key is not stored.",
}
