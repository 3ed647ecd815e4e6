"""Which server answers at an outside address, and which models it has: pure functions on what it said.

Nothing a stranger says is taken for granted: a version is a short text, a context a whole number of tokens, a model a
name that an endpoint can keep. Shapes are those of TGI 3.3, TEI 1.7, SGLang 0.5, llama.cpp b6000 and later, Ollama 0.5
and later, vLLM 0.32, LM Studio 0.3.6 and later.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from engine.serve.outsiders.words import plain

Answers = Mapping[str, Any]
"""By path below the server's root, the JSON it answered. A path it does not have is not in it."""

MOST_MODELS = 1000
LONGEST_NAME = 200  # what an endpoint keeps
LARGEST_CONTEXT = 10**9
# docs.ollama.com/context-length: what is allocated goes by the graphics memory, whatever the weights allow.
OLLAMA_NOTE = (
    "Ollama may cut prompts sooner than the tokens shown: its default goes by the graphics memory, from 4,096 on. "
    "num_ctx or OLLAMA_CONTEXT_LENGTH sets it."
)

CLOUDS = {
    "api.openai.com": "OpenAI",
    "openrouter.ai": "OpenRouter",
    "api.mistral.ai": "Mistral",
    "api.groq.com": "Groq",
    "api.together.xyz": "Together",
    "api.fireworks.ai": "Fireworks",
    "api.deepseek.com": "DeepSeek",
    "api.cerebras.ai": "Cerebras",
    "generativelanguage.googleapis.com": "Google",
    "api.anthropic.com": "Anthropic",
    "router.huggingface.co": "Hugging Face",
}
# Clouds and servers have many names for the tokens that prompt and answer may have together.
_CONTEXTS = ("loaded_context_length", "max_model_len", "context_length", "context_window", "max_context_length")


@dataclass(frozen=True)
class OutsideModel:
    """A model that an outside server offers. `context` is in tokens; None where the server does not say."""

    id: str
    context: int | None = None


@dataclass(frozen=True)
class Found:
    """A server, as it has been recognised. `notes` are what its user should know."""

    server: str
    version: str | None = None
    models: tuple[OutsideModel, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A server that can be recognised by what it answers on paths of its own."""

    name: str
    owner: str  # what its list of models says in `owned_by`; "" where that tells nothing
    paths: tuple[str, ...]
    recognise: Callable[[Answers, list[Any]], Found | None]


def cloud(address: str) -> str | None:
    """The name of a well-known cloud. It is not asked for paths that it cannot have."""
    return CLOUDS.get(urlsplit(address).hostname or "")


def paths(entries: Iterable[Any]) -> tuple[str, ...]:
    """What to ask a server beside its list of models: everything, unless the list says whose server it is."""
    owners = {entry.get("owned_by") for entry in entries if isinstance(entry, dict) and _is_text(entry.get("owned_by"))}
    kinds = [kind for kind in KINDS if kind.owner in owners] or list(KINDS)
    return tuple(dict.fromkeys(path for kind in kinds for path in kind.paths))


def recognise(answers: Answers, entries: list[Any]) -> Found:
    """The server behind its answers; one that fits none is called by what it speaks."""
    for kind in KINDS:
        if outcome := kind.recognise(answers, entries):
            return outcome
    return Found("OpenAI-compatible server", models=models_in(entries))


def models_in(entries: Iterable[Any]) -> tuple[OutsideModel, ...]:
    """The models of a list as OpenAI's, once each; an entry without a usable name is left out."""
    models: dict[str, OutsideModel] = {}
    for entry in entries:
        id = entry.get("id") if isinstance(entry, dict) else None
        if is_name(id) and len(models) < MOST_MODELS:
            models.setdefault(id, OutsideModel(id, _context(entry)))
    return tuple(models.values())


def is_name(id: Any) -> TypeGuard[str]:
    """Whether an endpoint can ask for a model of that name."""
    return isinstance(id, str) and 0 < len(id) <= LONGEST_NAME and id.isprintable() and id == id.strip()


def tokens(value: Any) -> int | None:
    """A context length, where it can be one."""
    return value if isinstance(value, int) and value is not True and 0 < value <= LARGEST_CONTEXT else None


def _context(entry: Mapping[str, Any]) -> int | None:
    meta = _part(entry, "meta")  # llama.cpp's; n_ctx is what it was started with
    values = [entry.get(name) for name in _CONTEXTS] + [meta.get("n_ctx"), meta.get("n_ctx_train")]
    return next((count for value in values if (count := tokens(value)) is not None), None)


def _version(answer: Any, name: str = "version") -> str | None:
    text = answer.get(name) if isinstance(answer, dict) else None
    return plain(text)[:40] or None if isinstance(text, str) else None


def _part(answer: Any, name: str) -> Mapping[str, Any]:
    part = answer.get(name) if isinstance(answer, dict) else None
    return part if isinstance(part, dict) else {}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _owned_by(entries: Iterable[Any], owner: str) -> bool:
    return any(isinstance(entry, dict) and entry.get("owned_by") == owner for entry in entries)


def _with_context(models: Iterable[OutsideModel], context: int | None) -> tuple[OutsideModel, ...]:
    """One model is loaded: what the server says of itself is that model's."""
    return tuple(OutsideModel(model.id, model.context or context) for model in models)


def _tgi(answers: Answers, entries: list[Any]) -> Found | None:
    info = answers.get("/info")
    if not isinstance(info, dict) or info.get("router") != "text-generation-router":
        return None
    named = models_in(entries) or models_in([{"id": info.get("model_id")}])
    context = tokens(info.get("max_total_tokens"))
    notes = () if "/health" in answers else ("Its /health says that its model does not answer now.",)
    return Found("TGI", _version(info), _with_context(named, context), notes)


def _tei(answers: Answers, entries: list[Any]) -> Found | None:
    """text-embeddings-inference. It has one model and no list of models."""
    info = answers.get("/info")
    kind = _part(info, "model_type")
    if not isinstance(info, dict) or not kind.keys() & {"embedding", "reranker", "classifier"}:
        return None
    named = models_in(entries) or models_in([{"id": info.get("model_id")}]) if "embedding" in kind else ()
    notes = () if named else ("Its model gives no embeddings, and the rest of its API is not OpenAI's.",)
    return Found("TEI", _version(info), _with_context(named, tokens(info.get("max_input_length"))), notes)


def needs_no_list(outcome: Found) -> bool:
    """Whether such a server answers OpenAI's calls without having a list of models."""
    return outcome.server == "TEI" and bool(outcome.models)


def _sglang(answers: Answers, entries: list[Any]) -> Found | None:
    model, server = answers.get("/get_model_info"), answers.get("/get_server_info")
    is_sglang = isinstance(model, dict) and _is_text(model.get("model_path")) and "is_generation" in model
    if not is_sglang and not _owned_by(entries, "sglang"):
        return None
    named = models_in(entries) or models_in([{"id": _part(answers, "/get_model_info").get("model_path")}])
    context = tokens(_part(answers, "/get_server_info").get("context_length"))
    return Found("SGLang", _version(server), _with_context(named, context))


def _llama(answers: Answers, entries: list[Any]) -> Found | None:
    props = answers.get("/props")
    settings = _part(props, "default_generation_settings")
    if not _owned_by(entries, "llamacpp") and not (settings and isinstance(props, dict) and "total_slots" in props):
        return None
    named = models_in(entries)
    context = tokens(settings.get("n_ctx"))  # of one slot: what a request can have
    if context and len(named) == 1:
        named = (OutsideModel(named[0].id, context),)
    notes = () if "/health" in answers else ("Its /health says that it is still loading its model.",)
    return Found("llama.cpp", _version(props, "build_info"), named, notes)


def _ollama(answers: Answers, entries: list[Any]) -> Found | None:
    version, tags = _version(answers.get("/api/version")), answers.get("/api/tags")
    tagged = tags.get("models") if isinstance(tags, dict) else None
    if version is None or not isinstance(tagged, list):
        return None
    named = models_in(entries) or models_in({"id": _part({"m": tag}, "m").get("name")} for tag in tagged)
    return Found("Ollama", version, named, (OLLAMA_NOTE,))


def _vllm(answers: Answers, entries: list[Any]) -> Found | None:
    if not _owned_by(entries, "vllm"):
        return None
    return Found("vLLM", _version(answers.get("/version")), models_in(entries))


def _lm_studio(answers: Answers, entries: list[Any]) -> Found | None:
    own = answers.get("/api/v0/models")
    listed = own.get("data") if isinstance(own, dict) else None
    if not isinstance(listed, list) or not any(
        isinstance(entry, dict) and "compatibility_type" in entry for entry in listed
    ):
        return None
    facts = {model.id: model for model in models_in(listed)}
    chatting = [entry for entry in listed if isinstance(entry, dict) and entry.get("type") != "embeddings"]
    named = models_in(entries) or models_in(chatting)
    return Found("LM Studio", None, tuple(facts.get(model.id, model) for model in named))


def _tunesmith(_answers: Answers, entries: list[Any]) -> Found | None:
    return Found("Tunesmith", models=models_in(entries)) if _owned_by(entries, "tunesmith") else None


def ollama_context(shown: Any) -> int | None:
    """The tokens a model of Ollama has, from its /api/show: its own num_ctx, else what its weights allow."""
    parameters = shown.get("parameters") if isinstance(shown, dict) else None
    for line in parameters.splitlines() if isinstance(parameters, str) else ():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdecimal():
            return tokens(int(value.strip()[:12]))
    info = _part(shown, "model_info")
    return tokens(info.get(f"{info.get('general.architecture')}.context_length"))


KINDS = (
    Kind("TGI", "", ("/info", "/health"), _tgi),
    Kind("TEI", "", ("/info",), _tei),
    Kind("SGLang", "sglang", ("/get_model_info", "/get_server_info"), _sglang),
    Kind("llama.cpp", "llamacpp", ("/props", "/health"), _llama),
    Kind("vLLM", "vllm", ("/version",), _vllm),
    Kind("Tunesmith", "tunesmith", (), _tunesmith),
    Kind("LM Studio", "organization_owner", ("/api/v0/models",), _lm_studio),
    Kind("Ollama", "library", ("/api/version", "/api/tags"), _ollama),
)
