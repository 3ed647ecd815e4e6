"""How likely a side finds answers that others have written: the sum of log-probabilities, and of how many tokens.

Texts are read together with others of similar length, in pieces of bounded size, as the server reads prompts.
"""

from collections.abc import Callable, Sequence

import torch

from engine.workers.serve.load import Voice
from engine.workers.serve.reading import SCORE_ROWS, SCORES, Columns, groups
from engine.workers.tokens.row_tokens import NOT_LEARNT

Text = tuple[list[int], list[int]]  # token ids, and labels: NOT_LEARNT where nothing counts
Likelihood = tuple[float, int]  # sum of natural log-probabilities, tokens


def batches(texts: Sequence[Text]) -> list[list[int]]:
    """Numbers of texts that are read together."""
    return list(groups([len(ids) for ids, _ in texts]))


@torch.inference_mode()
def likelihoods(voice: Voice, texts: Sequence[Text], each_step: Callable[[], None]) -> list[Likelihood]:
    """Of each text's labelled tokens. `each_step` may raise, to end the work."""
    if not texts:
        return []
    vocabulary = int(voice.network.config.get_text_config().vocab_size)
    columns = Columns(voice, [ids for ids, _ in texts], max(1, SCORES // vocabulary))
    sums, counts = [0.0] * len(texts), [0] * len(texts)
    while not columns.is_over:
        start = columns.start
        scores = voice.network(**columns.next_inputs()).logits
        for number, (_, labels) in enumerate(texts):
            total, count = _piece(voice, scores[number], labels[start + 1 : start + 1 + scores.shape[1]])
            sums[number] += total
            counts[number] += count
        each_step()
    return list(zip(sums, counts, strict=True))


def _piece(voice: Voice, scores: torch.Tensor, labels: Sequence[int]) -> Likelihood:
    """`scores` (places, vocabulary) of one text; labels[n] is the token that comes behind place n."""
    places = [place for place, label in enumerate(labels) if label != NOT_LEARNT]
    total = 0.0
    for first in range(0, len(places), SCORE_ROWS):
        some = places[first : first + SCORE_ROWS]
        rows = voice.known(scores[some]).float()
        label_ids = torch.tensor([labels[place] for place in some], device=rows.device)[:, None]
        logprobs = rows.gather(1, label_ids)[:, 0] - torch.logsumexp(rows, dim=-1)
        total += float(logprobs.double().sum())
    return total, len(places)
