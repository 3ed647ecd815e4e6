"""Whether the model stops where its chat template ends a turn, and has an embedding for each of its tokens."""

from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from engine.weights import token_facts
from engine.weights.token_facts import GROWN_BY, TokenFacts
from storage.tables import Dataset, Model

WRITES_CHATS = ("chat", "completion", "preference", "unpaired", "prompt")  # kinds that the chat template lays out


def _ends(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    facts = token_facts.of(model.token_facts)
    if facts is None or facts.problem or recipe.method == "reward" or dataset.kind not in WRITES_CHATS:
        return
    if facts.written:
        message = f"The chat template of {model.name} ends a turn with `{facts.written}`, which is not one token."
        hint = "Answers will show it. Use a version of the model whose template ends turns with a special token."
        yield Problem("model_id", message, hint, "warning")
    elif facts.disagrees:
        stops = " or ".join(f"`{text}`" for text in facts.eos) or "nothing"
        message = (
            f"The chat template of {model.name} ends a turn with `{facts.turn_end}`; its own files stop at {stops}."
        )
        hint = "Nothing to do: the studio stops at both, and the result says so in generation_config.json."
        yield Problem("model_id", message, hint, "warning")


def _sizes(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    """Which tokens the rows use is known once they are tokenised, so this is no error yet."""
    facts = token_facts.of(model.token_facts)
    if facts is None or not facts.beyond_count or facts.only_pad_is_beyond:
        return
    message = f"{model.name} has no embedding for {facts.beyond_in_words()} of its tokenizer."
    if recipe.tuning not in GROWN_BY:
        hint = (
            f"Tuning {recipe.tuning} cannot train rows with these tokens: use lora, qlora or full, or leave them out."
        )
        yield Problem("tuning", message, hint, "warning", {"tuning": "lora"})
    else:
        yield Problem("tuning", message, _grows(recipe, facts), "warning")


def _grows(recipe: Recipe, facts: TokenFacts) -> str:
    rows = f"If rows use them, the embeddings grow from {facts.embeddings:,} to {facts.tokens:,} rows"
    if recipe.tuning == "full":
        return f"{rows}, and the result is a model of that size."
    return f"{rows}, kept in the adapter: the backend transformers serves it, vLLM does not."


def _nothing_ends(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    facts = token_facts.of(model.token_facts)
    if facts and not facts.problem and not facts.pad:
        message = f"The tokenizer of {model.name} has neither an end of a sequence nor a padding token."
        hint = "Set eos_token in its tokenizer_config.json to the token that ends a text, or choose another model."
        yield Problem("model_id", message, hint)


RULES = (_ends, _sizes, _nothing_ends)
