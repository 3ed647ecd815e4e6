"""How other programs call an endpoint: a piece of code for each of them, with the real address and name. Pure."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from engine.serve.abilities import ROUTES, Ability

NO_KEY = "sk-tunesmith-..."  # stands where a key belongs
QUESTION, ANSWER = "What is 17 plus 6?", "17 plus 6 equals 23."


@dataclass(frozen=True)
class Client:
    """Code for one kind of program. `about` says where it goes, or what has to be installed for it."""

    id: str
    title: str
    language: str
    about: str
    code: str


def clients(address: str, model: str, key: str = "", does: Ability = "text") -> list[Client]:
    """The code of each client. `address` is the studio's, such as http://127.0.0.1:7860; `model` a name on /v1.

    A server of numbers is called by fewer kinds of programs.
    """
    base, secret = f"{address.rstrip('/')}/v1", key or NO_KEY
    calls = [
        Client("curl", "curl", "sh", "In a shell.", _curl(base, model, secret, does)),
        Client("httpx", "Python: httpx", "python", "pip install httpx", _httpx(base, model, secret, does)),
    ]
    if does == "scores":
        return calls
    code = _openai(base, model, secret) if does == "text" else _openai_embeddings(base, model, secret)
    calls.insert(1, Client("openai", "Python: openai", "python", "pip install openai", code))
    return calls if does == "embeddings" else [*calls, *_programs_that_chat(base, model, secret)]


def _programs_that_chat(base: str, model: str, secret: str) -> list[Client]:
    return [
        Client(
            "javascript",
            "JavaScript",
            "javascript",
            "Node.js 18 or newer, as a file that ends in .mjs. A browser lets only the studio's own pages call it.",
            _javascript(base, model, secret),
        ),
        Client("langchain", "LangChain", "python", "pip install langchain-openai", _langchain(base, model, secret)),
        Client("continue", "Continue", "yaml", "~/.continue/config.yaml", _continue(base, model, secret)),
        Client(
            "vscode",
            "VS Code",
            "json",
            "1.122 or newer: Chat: Manage Language Models, Add, Custom Endpoint; paste the key when it asks. "
            "Then the gear opens chatLanguageModels.json, where this entry belongs.",
            _vscode(base, model),
        ),
    ]


def _messages() -> list[dict[str, str]]:
    return [{"role": "user", "content": QUESTION}]


def _fields(does: Ability) -> dict[str, Any]:
    """What is asked beside the model, and in the answer where the numbers are."""
    if does == "embeddings":
        return {"input": QUESTION}
    return {"text_1": QUESTION, "text_2": ANSWER} if does == "scores" else {"messages": _messages()}


def _curl(base: str, model: str, key: str, does: Ability) -> str:
    body = json.dumps({"model": model, **_fields(does)})
    return (
        f"curl {shlex.quote(f'{base}/{ROUTES[does]}')} \\\n"
        f"  -H {shlex.quote(f'Authorization: Bearer {key}')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _openai_embeddings(base: str, model: str, key: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url={json.dumps(base)}, api_key={json.dumps(key)})
answer = client.embeddings.create(model={json.dumps(model)}, input={json.dumps(QUESTION)}, encoding_format="float")
print(answer.data[0].embedding)"""


def _openai(base: str, model: str, key: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url={json.dumps(base)}, api_key={json.dumps(key)})
stream = client.chat.completions.create(
    model={json.dumps(model)},
    messages=[{{"role": "user", "content": {json.dumps(QUESTION)}}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()"""


def _httpx(base: str, model: str, key: str, does: Ability) -> str:
    told = {"text": '["choices"][0]["message"]["content"]', "embeddings": '["data"][0]["embedding"]'}
    fields = "".join(f"\n        {json.dumps(name)}: {json.dumps(value)}," for name, value in _fields(does).items())
    return f"""import httpx

answer = httpx.post(
    {json.dumps(f"{base}/{ROUTES[does]}")},
    headers={{"Authorization": "Bearer " + {json.dumps(key)}}},
    json={{
        "model": {json.dumps(model)},{fields}
    }},
    timeout=300,
)
answer.raise_for_status()
print(answer.json(){told.get(does, '["data"][0]["score"]')})"""


def _javascript(base: str, model: str, key: str) -> str:
    return f"""const answer = await fetch({json.dumps(f"{base}/chat/completions")}, {{
  method: "POST",
  headers: {{
    "Authorization": "Bearer " + {json.dumps(key)},
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({{
    model: {json.dumps(model)},
    messages: [{{ role: "user", content: {json.dumps(QUESTION)} }}],
  }}),
}});
if (!answer.ok) throw new Error(await answer.text());
console.log((await answer.json()).choices[0].message.content);"""


def _langchain(base: str, model: str, key: str) -> str:
    return f"""from langchain_openai import ChatOpenAI

chat = ChatOpenAI(
    model={json.dumps(model)},
    base_url={json.dumps(base)},
    api_key={json.dumps(key)},
)
print(chat.invoke({json.dumps(QUESTION)}).content)"""


def _continue(base: str, model: str, key: str) -> str:
    """Its reference: docs.continue.dev, "OpenAI API compatible providers"."""
    entry = {"name": model, "provider": "openai", "model": model, "apiBase": base, "apiKey": key}
    config = {"name": "Tunesmith", "version": "0.0.1", "schema": "v1", "models": [entry | {"roles": ["chat", "edit"]}]}
    return yaml.safe_dump(config, sort_keys=False, width=1000).rstrip()


def _vscode(base: str, model: str) -> str:
    """VS Code keeps the key itself and writes a reference to it; a key pasted into the file would be readable."""
    entry = {
        "id": model,
        "name": model,
        "url": f"{base}/chat/completions",
        "toolCalling": False,
        "vision": False,
        "maxInputTokens": 4096,
        "maxOutputTokens": 1024,
    }
    group = {"name": "Tunesmith", "vendor": "customendpoint", "apiKey": "${input:chat.lm.secret.tunesmith}"}
    return json.dumps([group | {"apiType": "chat-completions", "models": [entry]}], indent=2)
