"""A gap in code as the tokens of real families: what the studio's own server feeds the model, and what vLLM is sent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from engine.code import middle, writing
from engine.code.wanted import Wanted
from engine.workers.serve import prompt
from tests.coding import NAME, serve

BEFORE, BEHIND = "def add(a, b):\n    return ", "\n\n\nprint(add(1, 2))\n"
# Each family's special tokens as its tokenizer_config.json on the hub lists them, and the order its card asks for.
FAMILIES = {
    "Qwen2.5-Coder": (
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
         "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"],
        ["<|fim_prefix|>", BEFORE, "<|fim_suffix|>", BEHIND, "<|fim_middle|>"],
        ["<|endoftext|>", "<|im_end|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|fim_prefix|>"],
    ),
    "CodeGemma": (
        ["<bos>", "<eos>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>", "<end_of_turn>"],
        ["<|fim_prefix|>", BEFORE, "<|fim_suffix|>", BEHIND, "<|fim_middle|>"],
        ["<|file_separator|>", "<end_of_turn>", "<|fim_middle|>"],
    ),
    "StarCoder2": (
        ["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<repo_name>", "<file_sep>"],
        ["<fim_prefix>", BEFORE, "<fim_suffix>", BEHIND, "<fim_middle>"],
        ["<|endoftext|>", "<file_sep>", "<repo_name>", "<fim_pad>"],
    ),
    "Granite": (
        ["<|end_of_text|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"],
        ["<|fim_prefix|>", BEFORE, "<|fim_suffix|>", BEHIND, "<|fim_middle|>"],
        ["<|end_of_text|>", "<|fim_pad|>"],
    ),
    "DeepSeek-Coder": (
        ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>",
         "<|EOT|>"],
        ["<｜fim▁begin｜>", BEFORE, "<｜fim▁hole｜>", BEHIND, "<｜fim▁end｜>"],
        ["<｜end▁of▁sentence｜>", "<|EOT|>"],
    ),
    "CodeLlama": (
        ["<s>", "</s>", "▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"],
        ["▁<PRE>", " " + BEFORE, "▁<SUF>", BEHIND, "▁<MID>"],
        ["▁<EOT>"],
    ),
    "Codestral": (
        ["<s>", "</s>", "[INST]", "[/INST]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]"],
        ["[SUFFIX]", BEHIND, "[PREFIX]", BEFORE],
        ["[SUFFIX]", "[PREFIX]"],
    ),
    "Seed-Coder": (
        ["<[begin▁of▁sentence]>", "<[end▁of▁sentence]>", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"],
        ["<[fim-suffix]>", BEHIND, "<[fim-prefix]>", BEFORE, "<[fim-middle]>"],
        ["<[end▁of▁sentence]>"],
    ),
}  # fmt: skip


def family(tokens: list[str]) -> Any:
    """A tokenizer of bytes with those tokens, that begins each text with the first of them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tokens])
    first = (tokens[0], made.token_to_id(tokens[0]))
    made.post_processor = processors.TemplateProcessing(single=f"{tokens[0]} $A", special_tokens=[first])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=tokens[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_own_server_feeds_each_family_its_tokens_in_its_order(name: str) -> None:
    tokens, order, ends = FAMILIES[name]
    tokenizer = family(tokens)
    added = tokenizer.get_added_vocab()
    known = middle.format_of(added)
    assert known is not None
    fed = prompt.prompt_tokens(tokenizer, known.prompt(BEFORE, BEHIND), adds_special=True)
    pieces: list[str] = []  # special tokens alone, the text between them together
    for token in fed:
        text = tokenizer.decode([token])
        if token in added.values() or not pieces or pieces[-1] in added:
            pieces.append(text)
        else:
            pieces[-1] += text
    assert pieces == [tokens[0], *order]
    assert {added[token] for token in ends} <= set(middle.stops(known, added))


@pytest.fixture
def recorder() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a server that writes down what it is asked and answers in one word, as vLLM does."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))) | {"path": self.path})
            choice = {"index": 0, "text": "a + b", "finish_reason": "stop"}
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n".encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
        server.shutdown()
        thread.join()


def test_vllm_is_sent_the_gap_as_a_completion_that_its_tokens_end(
    recorder: tuple[str, list[dict[str, Any]]], home: object
) -> None:
    address, asked = recorder
    tokens, order, _ = FAMILIES["Codestral"]
    serve(address, tokens=tuple(tokens), kind="vllm")
    files = {"main.py": BEFORE + BEHIND}
    pieces = list(
        writing.stream(Wanted("", "python", files, NAME, "complete", cursor=len(BEFORE), max_tokens=9, seed=3))
    )
    assert (pieces[0].way, "".join(piece.text for piece in pieces)) == ("fim", "a + b")
    (sent,) = asked
    assert (sent["path"], sent["prompt"], sent["stream"]) == ("/v1/completions", "".join(order), True)
    assert sent["stop_token_ids"] == [1000 + tokens.index("[PREFIX]"), 1000 + tokens.index("[SUFFIX]")]
    assert (sent["max_tokens"], sent["seed"]) == (9, 3)
